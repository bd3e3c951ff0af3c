"""Two ways to make a plan from priorities, as compiled kernels.

*Dispatching* never lets a machine stand while an operation waits for it: of those waiting, the
one with the smallest priority starts. *Insertion* puts one operation after the other, the
smallest priority first, into the earliest gap of its machine. Dispatching keeps crowded
machines busy, insertion lets urgent operations find theirs free: which is better depends on
the shop.
"""

import numpy as np

from scheduling.core.solvers.compiled import kernel
from scheduling.core.solvers.jobshop.arrays import JobShop, Number, Whole


@kernel
def push(ranks: Number, items: Whole, base: int, size: int, rank: float, item: int) -> None:
    """Add an item to the binary heap of `size` items at `base`."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if ranks[base + parent] <= rank:
            break
        ranks[base + at] = ranks[base + parent]
        items[base + at] = items[base + parent]
        at = parent
    ranks[base + at] = rank
    items[base + at] = item


@kernel
def pop(ranks: Number, items: Whole, base: int, size: int) -> int:
    """Take the item with the smallest rank from the binary heap of `size` items at `base`."""
    item = items[base]
    size -= 1
    rank, moved = ranks[base + size], items[base + size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and ranks[base + child + 1] < ranks[base + child]:
            child += 1
        if ranks[base + child] >= rank:
            break
        ranks[base + at] = ranks[base + child]
        items[base + at] = items[base + child]
        at = child
    ranks[base + at] = rank
    items[base + at] = moved
    return item  # type: ignore[no-any-return]


@kernel
def dispatch(shop: JobShop, priority: Number, starts: Whole) -> int:
    """Fill in `starts` without a machine waiting needlessly; return the makespan.

    An event is an operation that becomes ready, or (numbered after all operations) a machine
    that becomes free; all events of a minute are known before machines choose.
    """
    operations, machines = len(shop.duration), len(shop.first) - 1
    ranks, queues = np.empty(operations), np.empty(operations, np.int64)
    waiting, is_busy = np.zeros(machines, np.int64), np.zeros(machines, np.bool_)
    times, events = np.empty(operations + machines), np.empty(operations + machines, np.int64)
    coming = 0
    for operation in range(operations):
        if shop.previous[operation] < 0:
            push(times, events, 0, coming, float(shop.release[operation]), operation)
            coming += 1
    is_touched, touched = np.zeros(machines, np.bool_), np.empty(machines, np.int64)
    makespan = 0
    while coming:
        now = times[0]
        count = 0
        while coming and times[0] == now:
            event = pop(times, events, 0, coming)
            coming -= 1
            if event < operations:
                machine = shop.machine[event]
                push(ranks, queues, shop.first[machine], waiting[machine], priority[event], event)
                waiting[machine] += 1
            else:
                machine = event - operations
                is_busy[machine] = False
            if not is_touched[machine]:
                is_touched[machine] = True
                touched[count] = machine
                count += 1
        for machine in touched[:count]:
            is_touched[machine] = False
            if is_busy[machine] or not waiting[machine]:
                continue
            operation = pop(ranks, queues, shop.first[machine], waiting[machine])
            waiting[machine] -= 1
            is_busy[machine] = True
            starts[operation] = np.int64(now)
            end = starts[operation] + shop.duration[operation]
            makespan = max(makespan, end)
            push(times, events, 0, coming, float(end), operations + machine)
            coming += 1
            if shop.following[operation] >= 0:
                push(times, events, 0, coming, float(end), shop.following[operation])
                coming += 1
    return makespan


@kernel
def _first_end_after(ends: Whole, low: int, high: int, moment: int) -> int:
    """Return the first place in the rising `ends[low:high]` that holds more than `moment`."""
    while low < high:
        middle = (low + high) >> 1
        if ends[middle] <= moment:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def insert(shop: JobShop, priority: Number, starts: Whole) -> int:
    """Fill in `starts`, each operation in the first gap that holds it; return the makespan.

    Of the operations whose predecessor is placed, the smallest priority comes next.
    """
    operations = len(shop.duration)
    ranks, eligible, size = np.empty(operations), np.empty(operations, np.int64), 0
    for operation in range(operations):
        if shop.previous[operation] < 0:
            push(ranks, eligible, 0, size, priority[operation], operation)
            size += 1
    filled = shop.first[:-1].copy()
    busy_from, busy_until = np.empty(operations, np.int64), np.empty(operations, np.int64)
    makespan = 0
    while size:
        operation = pop(ranks, eligible, 0, size)
        size -= 1
        machine, duration = shop.machine[operation], shop.duration[operation]
        ready = shop.release[operation]
        previous, following = shop.previous[operation], shop.following[operation]
        if previous >= 0:
            ready = max(ready, starts[previous] + shop.duration[previous])
        if following >= 0:
            push(ranks, eligible, 0, size, priority[following], following)
            size += 1
        last = filled[machine]
        place = _first_end_after(busy_until, shop.first[machine], last, ready)
        start = ready
        while place < last and busy_from[place] < start + duration:
            start = busy_until[place]
            place += 1
        for later in range(last, place, -1):
            busy_from[later] = busy_from[later - 1]
            busy_until[later] = busy_until[later - 1]
        busy_from[place], busy_until[place] = start, start + duration
        filled[machine] = last + 1
        starts[operation] = start
        makespan = max(makespan, start + duration)
    return makespan
