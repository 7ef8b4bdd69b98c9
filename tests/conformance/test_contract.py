"""Every route of the contract beside the daemon's answer: one table, over the real services."""

import json
from pathlib import Path

from tests.conformance import contract
from tests.integration.http.test_real import log_in, real


async def test_every_row_of_the_contract_is_answered_as_it_says(tmp_path: Path) -> None:
    compared = []
    async with real(tmp_path) as api:
        headers = await log_in(api)
        for row in contract.rows():
            sent = dict(row.headers) if row.is_stranger else headers | row.headers
            answer = await api.call(row.method, row.target, body=row.body, headers=sent)
            text = await answer.get_data(as_text=True)
            is_json = (answer.content_type or "").startswith("application/json")
            is_file = row.target.startswith("/api/v3/fs/") and row.target.endswith(".txt")
            value = json.loads(text) if is_json and not is_file else text
            if is_file and row.status >= 400:
                value = json.loads(text)
            wrong = list(contract.differences(row.shape, value))
            if answer.status_code != row.status:
                wrong.insert(0, f"status {answer.status_code}, not {row.status}: {text[:200]}")
            compared.append((f"{row.section} {row.method} {row.target}", wrong))
    bad = [f"{place}: {'; '.join(wrong)}" for place, wrong in compared if wrong]
    assert not bad, "\n".join(bad)
    assert len(compared) > 90


def test_a_difference_is_noticed() -> None:
    shape = {"a": [contract.Among(("x",))], "b": int, "c": contract.Maybe(str)}
    assert not list(contract.differences(shape, {"a": ["x"], "b": 1, "c": None}))
    wrong = list(contract.differences(shape, {"a": ["y"], "b": True}))
    assert [line.split(" ")[0] for line in wrong] == ["answer.a[0]", "answer.b", "answer.c"]
