"""`pytest --handoff`: what fails a test, what does not, and what a plugin author says about it."""

from __future__ import annotations

import pytest

from tests.testing.project import Project

pytest_plugins = ["pytester"]

REPORT = "HANDOFF MISMATCH (used): a call was filed under ids of another submission: order_id='order-1' instead of"


def test_a_wrong_id_fails_its_test_with_the_report(project: Project) -> None:
    """In the body, on a worker's thread, in teardown, in a TestCase; and beside a failure of the test's own."""
    project.write(
        "test_shop",
        """
        import unittest
        import pytest
        from late import Race, race

        def test_in_order():
            pass

        def test_wrong():
            race()

        @pytest.fixture
        def racing():
            race = Race()
            yield
            race.end()

        def test_wrong_in_teardown(racing):
            pass

        def test_fails_by_itself():
            race()
            assert "mine" == "yours"

        @pytest.mark.xfail(strict=True)
        def test_known():
            race()

        class Case(unittest.TestCase):
            def test_case_in_order(self):
                self.assertEqual(1, 1)

            def test_case_wrong(self):
                race()

            def test_case_fails_by_itself(self):
                race()
                self.assertEqual("mine", "yours")
        """,
    )
    run = project.checked("test_shop.py")
    assert run.outcomes == {
        "test_in_order": "PASSED",
        "test_wrong": "FAILED",
        "test_wrong_in_teardown": "ERROR",
        "test_fails_by_itself": "FAILED",
        "test_known": "XFAIL",
        "test_case_in_order": "PASSED",
        "test_case_wrong": "FAILED",
        "test_case_fails_by_itself": "FAILED",
    }
    assert run.code == pytest.ExitCode.TESTS_FAILED
    assert run.printed.count(REPORT) == 5
    for test in ("test_wrong", "test_wrong_in_teardown", "Case.test_case_wrong"):
        text = run.section(test)
        assert REPORT in text
        assert "at test_a_wrong_id_fails_its_test_with_the_report0/billing.py:8 in process" in text
        assert "Traceback" not in text
    for test in ("test_fails_by_itself", "Case.test_case_fails_by_itself"):
        text = run.section(test)
        assert "mine" in text
        assert REPORT in text
    assert "FAILED test_shop.py::test_wrong - Failed: a call was filed" in run.printed
    assert "handoff: 6 mismatches in 6 rows judged\n" in run.printed


def test_the_marker_allows_and_expects(project: Project) -> None:
    """Of any field and evidence, or of some; what it cannot mean is told."""
    project.write(
        "test_shop",
        """
        import pytest
        from late import Race, race

        @pytest.mark.handoff(allow=True)
        def test_allowed():
            race()

        @pytest.mark.handoff(allow=True, fields="order_id", evidence=["call", "result"])
        def test_allowed_of_these():
            race()

        @pytest.mark.handoff(allow=True, fields=["tenant"])
        def test_allowed_of_other_fields():
            race()

        @pytest.mark.handoff(allow=True, evidence="result")
        def test_allowed_of_other_evidence():
            race()

        @pytest.mark.handoff(expect="used")
        def test_expected():
            race()

        @pytest.mark.handoff(expect=True, evidence="call")
        def test_any_expected():
            race()

        @pytest.fixture
        def racing():
            race = Race()
            yield
            race.end()

        @pytest.mark.handoff(expect="used")
        def test_expected_in_teardown(racing):
            pass

        @pytest.mark.handoff(expect="used")
        def test_expected_in_vain():
            pass

        @pytest.mark.handoff(expect="prevented")
        def test_another_is_expected():
            race()

        @pytest.mark.handoff(expects="used")
        def test_misspelt():
            race()

        @pytest.mark.handoff(expect="wrong")
        def test_no_outcome():
            race()

        @pytest.mark.handoff(allow=True, evidence="calls")
        def test_no_evidence():
            race()

        @pytest.mark.handoff("used")
        def test_unnamed():
            race()

        @pytest.mark.handoff(allow=True, fields=1)
        def test_no_names():
            race()
        """,
    )
    run = project.checked("test_shop.py", "--strict-markers")
    assert run.outcomes == {
        "test_allowed": "PASSED",
        "test_allowed_of_these": "PASSED",
        "test_allowed_of_other_fields": "FAILED",
        "test_allowed_of_other_evidence": "FAILED",
        "test_expected": "PASSED",
        "test_any_expected": "PASSED",
        "test_expected_in_teardown": "PASSED",
        "test_expected_in_vain": "ERROR",
        "test_another_is_expected": "FAILED",
        "test_misspelt": "ERROR",
        "test_no_outcome": "ERROR",
        "test_no_evidence": "ERROR",
        "test_unnamed": "ERROR",
        "test_no_names": "ERROR",
    }
    assert "a used mismatch was expected, and none happened" in run.section("test_expected_in_vain")
    assert "a prevented mismatch was expected, and none happened" in run.printed
    assert "has no expects; it has allow, evidence, expect, fields" in run.section("test_misspelt")
    assert "expect is one of used, blocked, prevented, exposed, not 'wrong'" in run.section("test_no_outcome")
    assert "evidence is of start, end, read, span, call, result, not 'calls'" in run.section("test_no_evidence")
    assert "handoff('used'): say what it is, as in expect='used'" in run.section("test_unnamed")
    assert "fields is a string or a list of them, not 1" in run.section("test_no_names")
    assert "KeyError" not in run.printed


def test_without_the_option_only_the_fixture_instruments(project: Project) -> None:
    """Before it and after it nothing is wrapped, and nothing that it needs was imported before."""
    project.write(
        "test_shop",
        """
        import sys
        import pytest
        import shop
        from late import race

        def untouched():
            return type(shop.Shop.enqueue).__name__ == "function" and "order_id" in vars(shop.Context)

        def test_nothing_is_on():
            late = [f"otel_handoff.testing.{name}" for name in ("session", "verdict", "provoke")]
            assert not {"opentelemetry.sdk", *late} & set(sys.modules)
            assert untouched()

        @pytest.mark.handoff(expect="used")
        def test_a_marker_alone_checks_nothing():
            race()

        def test_expect(handoff):
            assert not untouched()
            race()
            (mismatch,) = handoff.expect(count=1, outcome="used", evidence="call")
            assert handoff[0] is mismatch and handoff.mismatches == handoff[:] == list(handoff) == [mismatch]
            assert mismatch.expected == {"order_id": "order-0"} and mismatch.observed == {"order_id": "order-1"}

        def test_expect_any(handoff):
            race()
            race()
            assert len(handoff.expect()) == 2

        def test_expect_another_count(handoff):
            race()
            handoff.expect(count=2)

        def test_expect_another_outcome(handoff):
            race()
            handoff.expect(outcome="prevented")

        def test_expect_none(handoff):
            assert handoff.expect(count=0) == [] and len(handoff) == 0
            with pytest.raises(ValueError, match="evidence is of start"):
                handoff.expect(count=0, evidence="calls")
            with pytest.raises(ValueError, match="and outcome of used"):
                handoff.expect(count=0, outcome="wrong")

        def test_clear(handoff):
            race()
            handoff.clear()
            assert not handoff

        def test_another_at_the_address_of_one_that_was_cleared(handoff):
            race()
            (mismatch,) = handoff.expect()
            handoff.clear()
            handoff.add(mismatch)

        def test_neither(handoff):
            race()

        def test_asked_for_late(request):
            race()
            handoff = request.getfixturevalue("handoff")
            race()
            handoff.expect(count=1)

        def test_nothing_is_on_again():
            from otel_handoff.handover.lease import Lease
            assert Lease.provoker is None
            assert untouched()
            race()
        """,
    )
    run = project.run("test_shop.py", "-o", "handoff_boundaries=shop:BOUNDARIES")
    failed = {
        "test_expect_another_count",
        "test_expect_another_outcome",
        "test_another_at_the_address_of_one_that_was_cleared",
        "test_neither",
    }
    assert {name for name, outcome in run.outcomes.items() if outcome != "PASSED"} == failed
    assert len(run.outcomes) == 12
    assert "2 mismatches were expected, there are 1" in run.section("test_expect_another_count")
    assert "one or more prevented mismatches were expected, there are 0" in run.section("test_expect_another_outcome")
    assert REPORT in run.section("test_neither")
    assert "handoff:" not in run.printed


def test_a_fixture_of_that_name_may_be_somebody_elses(project: Project) -> None:
    """Then nothing is instrumented."""
    project.write(
        "test_shop",
        """
        import pytest
        from late import race

        @pytest.fixture
        def handoff():
            return "mine"

        def test_mine(handoff):
            race()
            assert handoff == "mine"
        """,
    )
    run = project.run("test_shop.py", "--handoff-boundaries=shop:BOUNDARIES")
    assert (run.code, run.outcomes) == (0, {"test_mine": "PASSED"})
    assert "handoff: for tests with the fixture handoff alone; --handoff checks all" in run.printed


def test_what_comes_after_its_test_fails_the_run(project: Project) -> None:
    """It is told by the test's name, and is not the next test's."""
    project.write(
        "test_shop",
        """
        from late import Race

        races = []

        def test_leaves_a_worker():
            races.append(Race())

        def test_is_in_order():
            races[0].end()
        """,
    )
    run = project.checked("test_shop.py")
    assert run.outcomes == {"test_leaves_a_worker": "PASSED", "test_is_in_order": "PASSED"}
    assert "A row of test_shop.py::test_leaves_a_worker was worked on under wrong ids." in run.printed
    assert REPORT in run.printed
    assert run.code == pytest.ExitCode.TESTS_FAILED


def test_the_ini_file_turns_it_on_in_a_mode(project: Project) -> None:
    """`strict` raises in the worker; an instrumentation that a test took off is put on again for the next."""
    project.ini("handoff = true\nhandoff_mode = strict\nhandoff_boundaries = shop:BOUNDARIES\n")
    project.write(
        "test_shop",
        """
        import pytest
        from late import race
        from otel_handoff import HandoffInstrumentor, HandoffMismatchError

        def test_blocked(handoff):
            with pytest.raises(HandoffMismatchError):
                race()
            handoff.expect(count=1, outcome="blocked")

        def test_takes_it_off():
            HandoffInstrumentor().uninstrument()
            race()

        def test_wrong():
            race()
        """,
    )
    run = project.run("test_shop.py")
    assert run.outcomes == {"test_blocked": "PASSED", "test_takes_it_off": "PASSED", "test_wrong": "FAILED"}
    assert "HANDOFF MISMATCH (blocked)" in run.section("test_wrong")


def test_what_did_no_harm_is_a_warning(project: Project) -> None:
    """Also where warnings are errors."""
    project.write("test_shop", "from late import race\n\ndef test_spared():\n    race()\n")
    run = project.checked("test_shop.py", "--handoff-mode=pin", "-Werror")
    assert (run.code, run.outcomes) == (0, {"test_spared": "PASSED"})
    assert "HandoffWarning: prevented: the worker would have read ids of another submission: order_id=" in run.printed


@pytest.mark.parametrize("wrong", ["boundaries", "exit", "mode", "instrumented", "nothing checked"])
def test_what_cannot_be_meant_is_told(project: Project, wrong: str) -> None:
    """Boundaries that are not there; a process that is instrumented already; a run in which no row was handed over."""
    project.write("test_shop", "def test_nothing():\n    pass\n")
    if wrong == "boundaries":
        run = project.run("--handoff", "--handoff-boundaries=shop:NONE")
        told, code = "--handoff-boundaries shop:NONE: no boundaries there (AttributeError", pytest.ExitCode.USAGE_ERROR
    elif wrong == "exit":
        project.write("script", "import sys\nsys.exit(0)\n")
        run = project.run("--handoff", "--handoff-boundaries=script:NONE")
        told, code = "--handoff-boundaries script:NONE: no boundaries there (SystemExit", pytest.ExitCode.USAGE_ERROR
    elif wrong == "mode":
        run = project.run("--handoff", "-o", "handoff_mode=off")
        told, code = "handoff_mode = off is not one of observe, pin, strict", pytest.ExitCode.USAGE_ERROR
    elif wrong == "instrumented":
        project.write("conftest", "from otel_handoff.elspeth import ElspethInstrumentor as E\nE().instrument()\n")
        run = project.run("--handoff", "test_shop.py")
        told, code = "ElspethInstrumentor is instrumented already", pytest.ExitCode.USAGE_ERROR
    else:
        run = project.checked("test_shop.py")
        told, code = "handoff: no row was handed over: NOTHING WAS CHECKED", pytest.ExitCode.INTERRUPTED
    assert run.code == code
    assert told in run.printed
