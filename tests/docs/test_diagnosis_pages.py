"""Pages of the diagnoses, made from docstrings whose numbers stand in slots."""

import pytest

from koubai.doctor.diagnoses.diagnosis import known
from koubai.words import LANGUAGES
from support.docs import within_docs


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_page_shows_a_slot_in_place_of_its_number(lang):
    with within_docs():
        import diagnoses
    pages = {name: diagnoses.page(name, diagnosis, lang) for name, diagnosis in known().items()}
    assert not {name for name, text in pages.items() if "{" in text or "}" in text}
    assert all(diagnosis.code in pages[name] for name, diagnosis in known().items())
