"""Whose row each URL with an argument shows, by the URL's name.

`{"<uuid:uid>": "order"}` fills the argument with that row of the world; a value that starts with
`=` is taken as it stands.
"""

UID = "<uuid:uid>"
TOKEN = "<str:token>"


def _all(word: str, *names: str, argument: str = UID) -> dict[str, dict[str, str]]:
    return {name: {argument: word} for name in names}


PAGE_SUBJECTS: dict[str, dict[str, str]] = {
    "invitation": {TOKEN: "=no-such-token"},
    "password_new": {"<str:uidb64>": "=MQ", TOKEN: "=no-such-token"},
    **_all("member", "member_change"),
    **_all("invitation", "invitation_withdraw"),
    **_all("key", "key_revoke"),
    **_all("organisation", "operator_organisation", "organisation_verify", "payout_pay"),
    **_all("funding", "payment", "payment_proof", "funding", "funding_confirm", "funding_return"),
    **_all("remittance", "remittance_pay"),
    **_all("payout", "statement"),
    **_all("consent", "consent_revoke", "consent_decline"),
    **_all("held", "lender_report"),
    **_all("loan", "loan", "loan_accept", "loan_withdraw"),
    **_all("lent", "lender_loan", "loan_offer", "loan_reject", "loan_disburse"),
    **_all("product", "loan_apply"),
    **_all("machine", "machine", "machine_edit", "machine_archive", "machine_restore"),
    **_all("machine", "machine_learned", "machine_learned_use"),
    **_all("machine", "device_add"),
    **_all("machine", "machine_down", "machine_down_say", "machine_down_end"),
    **_all("device", "device_rotate", "device_revoke"),
    **_all("site", "site"),
    **_all(
        "machine_file",
        "machine_import_preview",
        "machine_import_take",
        "machine_import_failed",
        "machine_import_left",
        argument=TOKEN,
    ),
    **_all(
        "capacity_file",
        "capacity_import_preview",
        "capacity_import_take",
        "capacity_import_failed",
        "capacity_import_left",
        argument=TOKEN,
    ),
    **_all("inquiry", "order_market_answer"),
    **_all("order", "order", "order_state", "order_edit", "order_cancel", "order_again", "plans"),
    **_all("order", "order_progress", "order_trace", "order_drills", "order_drill"),
    **_all("order", "order_proposals"),
    **_all("plan", "plan", "plan_gantt", "plan_choose", "plan_steer", "plan_steering"),
    **_all("plan_request", "plan_stop", "share_wait"),
    **_all("run", "matching_run"),
    **_all("offer", "offer", "offer_accept", "offer_decline"),
    **_all("work_order", "work_order", "work_order_material"),
    **_all("proposal", "proposal_accept", "proposal_dismiss", "proposal_again"),
    **_all("proposal", "later_accept", "later_refuse"),
    **_all("operation", "operation_start", "operation_report", "operation_correct"),
    **_all("shipment", "inspection", "inspection_check", "inspection_give"),
}
API_SUBJECTS: dict[str, dict[str, str]] = {
    **_all("machine", "api_machine", "api_machine_state", "api_machine_rollups"),
    **_all("device", "api_device_key", "api_device_revoke"),
    **_all("site", "api_site"),
    **_all("funding", "api_payment_proof", "api_payment_confirm"),
    **_all("offer", "api_offer", "api_accept", "api_decline"),
    **_all("shipment", "api_receive_one", "api_inspect"),
    **_all("order", "api_order", "api_band", "api_cancel"),
    **_all("plan_request", "api_plan_request", "api_plan_stop", "api_share_wait"),
    **_all("plan", "api_plan", "api_choose", "api_steer"),
}

WITHOUT_ARGUMENT = {"invitation", "password_new"}
"""Opened by anybody, or any signed-in person: the secret in the URL is the key."""

FOR_EVERYBODY = {"loan_apply"}
"""Opened with a row that its owner offers to every organisation: a lender's product."""

PUBLISHED = {"product", "organisation"}
"""Rows that others find in lists: a lender that may be asked, and what it offers."""

QUERIES = {
    "api_machine_rollups": "?metric=parts",
}
"""What a URL needs to be asked, by its name."""
