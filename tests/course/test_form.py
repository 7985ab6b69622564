"""Lessons are in their common form and in plain language; each rule finds what breaks it."""

import form_rules
import pytest
from nbformat import NotebookNode

from notebooks import build

LESSONS = build.sources()
FORM = [
    pytest.param(lesson, rule, id=f"{lesson.stem}-{rule.__name__}")
    for lesson in LESSONS
    for rule in form_rules.IN_FORM.get(lesson.stem[:2], ())
]
each_rule = pytest.mark.parametrize("rule", form_rules.RULES, ids=lambda rule: rule.__name__)


@pytest.mark.parametrize(("lesson", "rule"), FORM)
def test_lesson_keeps_to(lesson, rule):
    assert rule(build.read_source(lesson)) == []


def test_every_lesson_of_the_list_exists():
    assert {*form_rules.IN_FORM} <= {lesson.stem[:2] for lesson in LESSONS}


def exercise(kind: str, number: int, stars: str, solution: str, name: str) -> str:
    marks = f'exercise="e{number}" kind="{kind}"'
    return f"""
# %% [markdown] {marks}
# ### Exercise {number} {stars} · More
#
# {form_rules.HOW_TO}

# %% {marks} part="solution"
{solution}

# %% {marks} part="checker"
check.it{number}({name})
"""


GOOD = "".join(
    (
        "# %% [markdown]\n# # 9 · Title\n#\n# **Time:** 10 minutes, and 35 for the exercises.\n#",
        "\n\n# %%\nfrom helpers import data, plots, settings\n",
        "from helpers.images import (\n    crop,\n    read_photo,\n)\n",
        *(
            f"\n# %% [markdown]\n# ## {stage} · More\n#\n# You see.\n"
            for stage in form_rules.STAGES
        ),
        exercise("function", 1, "★", "def first(x):\n    return x", "first"),
        exercise("function", 2, "★", "def second(x):\n    return x", "second"),
        exercise("experiment", 3, "★★", "RESULTS = {}", "RESULTS"),
        exercise("challenge", 4, "★★★", "mine = None", "mine"),
        '\n# %% [markdown] tags=["optional"]\n# ### If you have time · More\n#\n# You see more.\n',
        '\n# %% tags=["optional"]\nextra = first(1)\nprint(extra)\n',
        '\n# %% tags=["nbval-check-output"]\nprint(first(1))\nprint(second(1))\n' * 4,
        exercise("quiz", 5, "★★", "ANSWERS = {}", "ANSWERS"),
        "\n# %% [markdown]\n# ## What you learned\n#\n",
        "# - It works.\n" * 5,
        "#\n# ## Where this breaks\n#\n# It does.\n#\n# ## Go further\n#\n# Do.\n",
    )
)
BREAKS = {
    form_rules.habits: [
        ("You see.", "Whoever runs it finds out."),
        ("You see.", "The model asks for more."),
        ("You see.", "You see: one. You see: two. You see: three."),
        ("You see.", "You see; it works."),
    ],
    form_rules.main_path_too_long: [
        ("You see.", "You see. " * 1200),
        ("print(second(1))", "print(second(1))\n" + "\n# %%\nprint(1)\n" * 10),
    ],
    form_rules.cells_not_of_a_few_lines: [("print(second(1))", "print(second(1))\n" * 5)],
    form_rules.optional_part_too_long: [("You see more.", "You see more. " * 100)],
    form_rules.optional_parts_without_their_heading: [
        ("### If you have time · More", "### More"),
        ('[markdown] tags=["optional"]', "[markdown]"),
    ],
    form_rules.optional_names_used_outside: [
        ("print(second(1))", "print(second(extra))"),
        ("print(second(1))", "print([extra + i for i in range(2)])"),
        ("extra = first(1)", "import extra\n\n\ndef first():\n    return 1\n"),
    ],
    form_rules.too_many_imports: [
        ("    crop,\n", "    crop,\n    a,\n    b,\n    c as d,\n    e,\n"),
        (
            "from helpers import data",
            "from reading_faces.track import a, b, c\nimport helpers.e\nfrom helpers import data",
        ),
    ],
    form_rules.code_shown_by_inspection: [
        ("extra = first(1)", "extra = inspect.getsource(first)"),
    ],
    form_rules.too_few_checked_results: [(' tags=["nbval-check-output"]', "")],
    form_rules.stages_out_of_order: [
        ("## Train · ", "## Training · "),
        ("## Train · ", "## Judge · "),
        ("## Go further", "## Quiz"),
    ],
    form_rules.not_five_lines_learned: [("# - It works.\n", "# - It works.\n# - It does.\n")],
    form_rules.questions_without_choices: [
        ("You see.", "What do you expect?"),
        ("You see.", "Before you run the cell, what happens? A) One. B) Two."),
    ],
    form_rules.too_few_exercises: [('kind="quiz"', 'kind="function"'), ('e2"', 'e1"')],
    form_rules.tasks_not_in_form: [
        ("Exercise 2", "Exercise 3"),
        ("★★★", "★★"),
        (form_rules.HOW_TO, "Type."),
    ],
    form_rules.functions_never_used: [
        ("print(second(1))", "print(1)"),
        ("print(second(1))", "second = max"),
    ],
    form_rules.other_minutes_than_the_formula: [
        ("10 minutes", "15 minutes"),
        ("35 for", "30 for"),
        ("print(second(1))", "print(second(1))\n" + "\n# %%\nprint(1)\n" * 5),
    ],
}


@pytest.fixture
def lesson(tmp_path):
    def read(text: str) -> NotebookNode:
        path = tmp_path / "99_title.py"
        path.write_text(text, encoding="utf-8")
        return build.read_source(path)

    return read


@each_rule
def test_rule_finds_nothing_wrong_with_a_good_lesson(rule, lesson):
    assert rule(lesson(GOOD)) == []


@each_rule
def test_rule_finds_what_is_wrong(rule, lesson):
    for old, new in BREAKS[rule]:
        assert old in GOOD
        assert rule(lesson(GOOD.replace(old, new))) != [], new


def test_a_choice_of_a_to_d_makes_a_question_one_to_answer(lesson):
    text = GOOD.replace("You see.", "What do you expect? A) One. B) Two. C) Three. D) Four.")
    assert form_rules.questions_without_choices(lesson(text)) == []


def test_the_name_of_a_lesson_is_no_habit_of_the_prose(lesson):
    text = GOOD.replace("You see.", "Next: lesson 6, who is it, or nobody we know?", 1)
    assert form_rules.habits(lesson(text)) == []


def test_words_are_those_that_a_reader_reads(lesson):
    nb = lesson(
        "# %% [markdown]\n# # One two\n#\n# [three](https://far.away/x) `four()`\n"
        "# ![no](picture.png) <img src='no'> $f(x)$\n#\n# ```\n# no no\n# ```\n"
    )
    assert build.count_words(nb.cells) == 5
