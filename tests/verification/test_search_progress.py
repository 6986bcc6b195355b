from __future__ import annotations

from theory_check.verification.search_progress import CONFIRMATION_SECONDS, EXPLORATION_SECONDS, SearchProgress

NETWORK, CONFIRMATION = round(1e6 * EXPLORATION_SECONDS), round(1e6 * CONFIRMATION_SECONDS)


def told():
    reports = []
    return reports, lambda done, total: reports.append((done, total))


def test_time_is_kept_for_a_confirmation_until_the_end():
    reports, report = told()
    progress = SearchProgress(report, examples=2)
    for _ in range(2):
        progress.draw()
    assert reports == [(done * NETWORK, 2 * NETWORK + CONFIRMATION) for done in range(3)]
    progress.end()
    assert reports[-1] == (2 * NETWORK, 2 * NETWORK)


def test_confirmations_count_and_more_of_them_than_were_expected_take_more():
    reports, report = told()
    progress = SearchProgress(report, examples=2, confirmations=1)
    progress.draw()
    progress.confirm()
    assert reports[-1] == (NETWORK + CONFIRMATION, 2 * NETWORK + CONFIRMATION)
    progress.confirm()
    assert reports[-1] == (NETWORK + 2 * CONFIRMATION, 2 * NETWORK + 2 * CONFIRMATION)
    progress.end()
    assert reports[-1] == (NETWORK + 2 * CONFIRMATION,) * 2


def test_networks_beyond_those_that_were_asked_for_are_no_more_work():
    reports, report = told()
    progress = SearchProgress(report, examples=1)
    for _ in range(3):
        progress.draw()
    progress.end()
    assert reports[-1] == (NETWORK, NETWORK)
