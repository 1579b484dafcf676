"""Where a journey meets a moto that differs from Cognito, by the test's name."""

from __future__ import annotations

from collections.abc import Mapping

NO_SET_UP = "gives tokens instead of MFA_SETUP to a new user of a pool that requires MFA"
REPLAY = "takes a code again and again"
CONSTANT = "has one secret for all users, so a new QR code shows the old secret"
POLICY = "says nothing of which rule of the policy a password breaks"
FOREVER = "never lets a session expire"
NAMELESS = "drops the friendly name of a device"
UNSAID = "gives tokens that do not say whether an address is verified"
NO_LOCK = "never locks"
NO_RESET = "signs in users whose password must be reset"
OWN_IDS = "chooses the ids of its pools itself, as Cognito does, and the test links a user to one"

DEVIATIONS: Mapping[str, str] = {
    "test_a_new_person_scans_confirms_and_is_in": NO_SET_UP,
    "test_the_password_alone_opens_nothing": NO_SET_UP,
    "test_the_newest_sign_in_of_a_browser_wins": NO_SET_UP,
    "test_a_set_up_that_takes_too_long_starts_again_with_the_names_kept": NO_SET_UP,
    "test_the_gate_leads_through_the_set_up_and_back": OWN_IDS,
    "test_a_challenge_that_takes_too_long_starts_again": FOREVER,
    "test_a_code_works_once": REPLAY,
    "test_the_code_of_the_set_up_is_spent_too": REPLAY,
    "test_an_authenticator_from_elsewhere_is_learnt_with_its_name": NAMELESS,
    "test_a_new_name_is_ours_alone_and_shown_at_the_next_sign_in": NAMELESS,
    "test_password_and_code_are_two_operations": NAMELESS,
    "test_the_person_is_written_to": UNSAID,
    "test_a_link_is_told_in_words_for_its_user": UNSAID,
    "test_cognitos_lock_looks_like_a_wrong_password": NO_LOCK,
    "test_a_password_that_must_be_reset_gets_a_clear_page": NO_RESET,
    "test_the_pools_policy_speaks_on_the_field": POLICY,
    "test_password_old_code_new_picture_new_code": CONSTANT,
    "test_other_sessions_end_with_their_next_request": CONSTANT,
    "test_each_app_has_its_own_last_use": CONSTANT,
    "test_the_person_is_written_to_in_their_language_after_the_commit": CONSTANT,
    "test_a_code_of_the_old_entry_is_answered_with_which_entry_to_use": CONSTANT,
    "test_the_last_page_leads_back_to_where_the_change_began": CONSTANT,
    "test_a_stopped_form_leads_back_to_the_page_that_it_is_on": OWN_IDS,
}
