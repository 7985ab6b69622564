"""nbgrader's settings for the assignments; `make assignments` puts a copy beside them."""

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import GetGrades, NbGraderPreprocessor


class HideTests(NbGraderPreprocessor):
    """Leave of a hidden test only whether it passed: feedback would show its code and traceback."""

    def preprocess_cell(self, cell, resources, index):
        if "### BEGIN HIDDEN TESTS" in cell.source:
            failed = any(output.output_type == "error" for output in cell.outputs)
            cell.source = f"# The hidden test {'failed' if failed else 'passed'}."
            cell.outputs = []
        return cell, resources


c = get_config()  # noqa: F821 - nbgrader gives it to this file
c.CourseDirectory.course_id = "reading-faces"
c.ClearSolutions.code_stub = {"python": "...  # your code here"}
c.Execute.timeout = 600
# A warning is no mistake, but nbgrader gives no points to a cell that wrote one.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "."
# A checker that somebody deleted is put back, and counts.
c.OverwriteCells.add_missing_cells = True
c.GenerateFeedback.preprocessors = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]
