"""Answer questions about blocks in a process of its own, one after the other.

`python -m scheduling.core.solvers.assignment.child MEGABYTES`: pickled questions on stdin, pickled
answers on stdout. The end of stdin ends it: whoever asked is done or gone.
"""

import os
import pickle
import resource
import sys

MEGABYTE = 1024 * 1024


def main() -> None:
    """Answer until stdin ends."""
    # HiGHS writes a banner to the descriptor 1: the answers get a door of their own.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]) * MEGABYTE,) * 2)
    # Imported here, so that the limit holds for the solvers too.
    from scheduling.core.solvers.assignment.answering import answer
    from scheduling.core.solvers.assignment.programme import use_one_thread

    use_one_thread()
    while True:
        try:
            number, question = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump((number, answer(question)), answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


if __name__ == "__main__":
    main()
