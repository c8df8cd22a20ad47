"""Error codes and the exception tree.

A :class:`Code` is the only description of a failure that may cross a site boundary; the details (column names, line numbers) stay
with the site that raised them. Every code has a sentence and a remedy in :data:`CATALOGUE`.

    TidegateError          a code, local details, a sentence, a remedy
    ├── InputError         you erred: data, job, pair or policy
    ├── Refused            a site's gate refused a question (central's view: site and code)
    ├── PeerError          the peer or the worker erred: frames, messages, lies
    ├── LimitError         a limit was reached: time, memory, size, messages
    └── IsolationError     this machine cannot isolate a worker as the policy demands
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """Every failure that Tidegate can name, a closed list."""

    # data sets
    DATA_NOT_UTF8 = "data.not_utf8"
    DATA_NOT_TEXT = "data.not_text"
    DATA_EMPTY = "data.empty"
    DATA_HEADER_ONLY = "data.header_only"
    DATA_HEADER_MISMATCH = "data.header_mismatch"
    DATA_HEADER_ORDER = "data.header_order"
    DATA_HEADER_LOOKS_LIKE_DATA = "data.header_looks_like_data"
    DATA_HEADER_RESERVED = "data.header_reserved"
    DATA_HEADER_DUPLICATE = "data.header_duplicate"
    DATA_COLUMN_MISSING = "data.column_missing"
    DATA_COLUMN_EXTRA = "data.column_extra"
    DATA_LINE_TOO_LONG = "data.line_too_long"
    DATA_LINE_FIELDS = "data.line_fields"
    DATA_QUOTE_OPEN = "data.quote_open"
    DATA_NOT_NUMERIC = "data.not_numeric"
    DATA_NOT_FINITE = "data.not_finite"
    DATA_LEVELS = "data.levels"
    DATA_LEVEL_COUNT = "data.level_count"
    DATA_CODES = "data.codes"
    DATA_LEVELS_ALIKE = "data.levels_alike"
    DATA_ROWS_INCOMPLETE = "data.rows_incomplete"
    DATA_TOO_LARGE = "data.too_large"
    DATA_TOO_MANY_COLUMNS = "data.too_many_columns"
    DATA_MALFORMED = "data.malformed"
    DATA_PREDICTOR_ALL_MISSING = "data.predictor_all_missing"
    DATA_TARGET_NEVER_OBSERVED = "data.target_never_observed"
    DATA_NEVER_OBSERVED = "data.never_observed"
    DATA_LONG_TAIL = "data.long_tail"
    DATA_AMBIGUOUS = "data.ambiguous"
    DATA_LEVEL_LETTERS = "data.level_letters"
    # how a data set was read
    DATA_ENCODING = "data.encoding"
    DATA_SEPARATOR = "data.separator"
    DATA_LINE_ENDS = "data.line_ends"
    DATA_EMPTY_LINES = "data.empty_lines"
    DATA_PADDED = "data.padded"
    DATA_NAMES_TRIMMED = "data.names_trimmed"
    DATA_ROW_NAMES = "data.row_names"
    DATA_DECIMAL_COMMA = "data.decimal_comma"
    DATA_THOUSANDS = "data.thousands"
    DATA_LEADING_ZEROS = "data.leading_zeros"
    # disclosure rules
    RULE_MIN_ROWS = "rule.min_rows"
    RULE_PARAMETER_RATIO = "rule.parameter_ratio"
    RULE_CELL_COLUMN = "rule.cell_column"
    RULE_CELL_CROSS = "rule.cell_cross"
    RULE_DOMINANCE = "rule.dominance"
    RULE_DOMINANCE_CROSS = "rule.dominance_cross"
    RULE_LEVERAGE = "rule.leverage"
    RULE_EVENTS = "rule.events"
    RULE_SET_ASIDE = "rule.set_aside"
    RULE_REDRAW = "rule.redraw"
    RULE_MISSING_TOKEN = "rule.missing_token"  # noqa: S105
    RULE_UNITS = "rule.units"
    RULE_OTHER_ROWS = "rule.other_rows"
    RULE_LIFE_VERSIONS = "rule.life_versions"
    RULE_LIFE_NUMBERS = "rule.life_numbers"
    RULE_LIFE_FITS = "rule.life_fits"
    RULE_LIFE_CHANGE = "rule.life_change"
    RULE_LIFE_ERROR = "rule.life_error"
    RULE_EVALUATIONS = "rule.evaluations"
    RULE_DRAW_SCHEDULE = "rule.draw_schedule"
    RULE_NOT_FINITE = "rule.not_finite"
    RULE_UNDECLARED = "rule.undeclared"
    RULE_REFUSAL_BUDGET = "rule.refusal_budget"
    CARD_IMPOSSIBLE = "card.impossible"
    # rules on what code that sees rows answers
    RULE_ADDITIVE = "rule.additive"
    RULE_CONTRIBUTORS = "rule.contributors"
    RULE_DIFFERENCE = "rule.difference"
    RULE_SPAN = "rule.span"
    RULE_LATTICE = "rule.lattice"
    RULE_VALUE = "rule.value"
    RULE_SUM_BUDGET = "rule.sum_budget"
    RULE_DATA_BUDGET = "rule.data_budget"
    RULE_REQUEST_BOUNDS = "rule.request_bounds"
    RULE_ROW_STATE = "rule.row_state"
    RULE_ESTIMATE = "rule.estimate"
    RULE_ROWS_ANSWER = "rule.rows_answer"
    RULE_ROWS_ACCESS = "rule.rows_access"
    RULE_LENDING_ROOM = "rule.lending_room"
    # jobs and pairs
    JOB_INVALID = "job.invalid"
    JOB_COLUMN_UNKNOWN = "job.column_unknown"
    JOB_THINNING_ZERO = "job.thinning_zero"
    JOB_TARGETS = "job.targets"
    JOB_PARAMETERS = "job.parameters"
    JOB_PARTICIPANTS = "job.participants"
    JOB_NO_PREDICTORS = "job.no_predictors"
    JOB_STATE = "job.state"
    JOB_CANCELLED = "job.cancelled"
    MANIFEST_INVALID = "manifest.invalid"
    PAIR_SOURCE = "pair.source"
    PAIR_DIGEST = "pair.digest"
    POLICY_INVALID = "policy.invalid"
    # fits
    FIT_SINGULAR = "fit.singular"
    FIT_SEPARATED = "fit.separated"
    FIT_NOT_CONVERGED = "fit.not_converged"
    FIT_TOO_FEW_ROWS = "fit.too_few_rows"
    FIT_CORRELATION = "fit.correlation"
    FIT_SMALL_SITE = "fit.small_site"
    FIT_FEW_EVENTS = "fit.few_events"
    FIT_NO_PART = "fit.no_part"
    # what a report of a run says beside its result
    EVENT_ROWS_INCOMPLETE = "event.rows_incomplete"
    EVENT_RIDGE = "event.ridge"
    EVENT_NOT_MIXED = "event.not_mixed"
    EVENT_AUTOCORRELATION = "event.autocorrelation"
    EVENT_CENTRAL_DIFFERS = "event.central_differs"
    EVENT_COMPLETED = "event.completed"
    EVENT_NO_PART = "event.no_part"
    # processes
    WORKER_SOURCE = "worker.source"
    WORKER_RAISED = "worker.raised"
    WORKER_PROTOCOL = "worker.protocol"
    WORKER_DIED = "worker.died"
    GATE_DIED = "gate.died"
    GATE_PROTOCOL = "gate.protocol"
    ISOLATION_MISSING = "isolation.missing"
    LIMIT_TIME = "limit.time"
    LIMIT_MEMORY = "limit.memory"
    LIMIT_FRAME = "limit.frame"
    LIMIT_CHAINS = "limit.chains"
    LIMIT_MESSAGES = "limit.messages"
    LIMIT_STEP_MESSAGES = "limit.step_messages"
    LIMIT_CPU = "limit.cpu"
    # the link
    WIRE_FRAME = "wire.frame"
    WIRE_MESSAGE = "wire.message"
    WIRE_VERSION = "wire.version"
    WIRE_SEQUENCE = "wire.sequence"
    SITE_LOST = "site.lost"
    SITE_RESTARTED = "site.restarted"
    SITE_REVOKED = "site.revoked"
    SITE_SILENT = "site.silent"
    SITE_DUPLICATE = "site.duplicate"
    CENTRAL_RESTARTED = "central.restarted"
    RESULT_EXPIRED = "result.expired"
    # people at a page or an API
    ACCESS_SIGN_IN = "access.sign_in"
    ACCESS_CREDENTIALS = "access.credentials"
    ACCESS_TOO_MANY = "access.too_many"
    ACCESS_NOT_APPROVED = "access.not_approved"
    ACCESS_FORBIDDEN = "access.forbidden"
    ACCESS_ORIGIN = "access.origin"
    REQUEST_INVALID = "request.invalid"
    REQUEST_NOT_FOUND = "request.not_found"
    REQUEST_TOO_LARGE = "request.too_large"
    REQUEST_FAILED = "request.failed"
    ACCOUNT_EXISTS = "account.exists"
    ACCOUNT_LAST_ADMIN = "account.last_admin"
    PAIR_EXISTS = "pair.exists"
    # a site and its central
    SITE_NOT_CONFIGURED = "site.not_configured"
    SITE_FINGERPRINT = "site.fingerprint"
    SITE_ENROLMENT = "site.enrolment"
    SITE_NOT_APPROVED = "site.not_approved"
    SITE_NO_CONTRACT = "site.no_contract"
    SITE_NO_UPLOAD = "site.no_upload"
    SITE_NO_CARD = "site.no_card"
    SITE_NOT_READY = "site.not_ready"
    CENTRAL_UNREACHABLE = "central.unreachable"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a code means (`sentence`, formatted with local details) and what to do next (`remedy`)."""

    sentence: str
    remedy: str


class _Details(dict[str, object]):
    """Details that are not there show as an ellipsis: central sees a code without a site's details."""

    def __missing__(self, key: str) -> str:
        return "…"


CATALOGUE: Final[dict[Code, Entry]] = {
    Code.DATA_NOT_UTF8: Entry(
        "Line {line} is not text in UTF-8, UTF-16 or Windows-1252.", "Save the file as CSV UTF-8 and upload it again."
    ),
    Code.DATA_NOT_TEXT: Entry("The file is {what}, not a text with a table.", "Save the table as CSV UTF-8 and upload that file."),
    Code.DATA_EMPTY: Entry("The file is empty.", "Upload a CSV file with a header line and at least one row."),
    Code.DATA_HEADER_ONLY: Entry("The file has a header but no rows.", "Upload a CSV file with at least one row."),
    Code.DATA_HEADER_MISMATCH: Entry(
        "Column {position} is named {found!r}, the job expects {expected!r}.",
        "Rename the column, or use the file the job was made for.",
    ),
    Code.DATA_HEADER_ORDER: Entry(
        "The columns are the right ones in another order: column {position} is {found!r}, the job expects {expected!r}.",
        "Put the columns in the order of the job.",
    ),
    Code.DATA_HEADER_LOOKS_LIKE_DATA: Entry(
        "The first line looks like data: column {position} has a number or nothing for a name.",
        "Put the column names in the first line.",
    ),
    Code.DATA_HEADER_RESERVED: Entry("Column {column!r} has a reserved name.", "Rename the column; .imp and .id are made by Tidegate."),
    Code.DATA_HEADER_DUPLICATE: Entry("Two columns are named {column!r}.", "Give every column a name of its own."),
    Code.DATA_COLUMN_MISSING: Entry("Column {column!r} is missing.", "Add the column (all cells may be NA if it is a target)."),
    Code.DATA_COLUMN_EXTRA: Entry("Column {column!r} is not in the job.", "Remove the column."),
    Code.DATA_LINE_TOO_LONG: Entry(
        "Line {line} is longer than {limit} bytes.",
        "Check the line ends and quotes of the file; the policy key is max_line_bytes.",
    ),
    Code.DATA_LINE_FIELDS: Entry(
        "Line {line} has {found} fields, the header has {expected}.",
        "Give every line the same number of fields. A cell with the separator in it, such as a decimal comma, needs quotes.",
    ),
    Code.DATA_QUOTE_OPEN: Entry("A quote opened on line {line} is never closed.", "Close the quote."),
    Code.DATA_NOT_NUMERIC: Entry(
        "Line {line}: column {column!r} holds something that is not a number.",
        "Correct the cell or leave it empty. Or have the job name its text under missing, or the column as ignored.",
    ),
    Code.DATA_NOT_FINITE: Entry("Line {line}: column {column!r} holds an infinite number.", "Correct the cell or mark it as missing."),
    Code.DATA_LEVELS: Entry(
        "Line {line}: column {column!r} holds none of the column's levels.",
        "Correct the cell, add its text to the missing tokens, or add the level to the column in the job.",
    ),
    Code.DATA_LEVEL_COUNT: Entry(
        "Column {column!r} has {found} different values here, where {allowed} are allowed.",
        "State the type and the levels of the column in the job, or ignore it.",
    ),
    Code.DATA_CODES: Entry(
        "Column {column!r} is continuous, and holds {found} different whole numbers only.",
        "Give it the type categorical or ordinal if these are codes; else there is nothing to do.",
    ),
    Code.DATA_LEVELS_ALIKE: Entry(
        "Column {column!r} has two levels that differ only in case or spaces: {level!r} and {other!r}.",
        "Spell them alike in the files of all participants if they mean the same.",
    ),
    Code.DATA_ROWS_INCOMPLETE: Entry(
        "Column {column!r} is a predictor and missing on {found} of {rows} rows. These rows are in no model, and their gaps stay.",
        "Make the column a target, or ignore it, to keep the rows.",
    ),
    Code.DATA_TOO_LARGE: Entry(
        "The data need more than {limit} bytes of memory.", "Raise max_rows_bytes in the site's policy, or make the job with fewer chains."
    ),
    Code.DATA_TOO_MANY_COLUMNS: Entry(
        "The file has {found} columns; at most {limit} can be read.", "Remove columns that are not in the model."
    ),
    Code.DATA_MALFORMED: Entry("Line {line} cannot be read as CSV.", "Check quotes and separators around that line."),
    Code.DATA_PREDICTOR_ALL_MISSING: Entry(
        "Predictor {column!r} has no observed value here.", "Ignore the column in the job, or leave this site out."
    ),
    Code.DATA_TARGET_NEVER_OBSERVED: Entry("Target {column!r} is never observed here: nothing to contribute to it.", "Nothing to do."),
    Code.DATA_LONG_TAIL: Entry(
        "Column {column!r} has a long tail: a few rows are far from all others. The errors of its sums are larger for it than central can "
        "know, and intervals become too short.",
        "Put its logarithm, or another transformation of it, into the file, at central and at all sites.",
    ),
    Code.DATA_NEVER_OBSERVED: Entry(
        "Column {column!r} has no observed value here. Central's gate completes it from what the others state, and nothing more is asked.",
        "Nothing to do if it was never measured; else compare how the file writes missing cells with the contract.",
    ),
    Code.DATA_AMBIGUOUS: Entry(
        "Line {line}: a number of column {column!r} can be read in two ways. Its mark stands for a decimal or for thousands, and the "
        "file does not tell which.",
        'Write the numbers of the column without marks of thousands. Or let the job say decimal = "." or decimal = ",".',
    ),
    Code.DATA_LEVEL_LETTERS: Entry(
        "A level of column {column!r} has letters that {encoding} does not have. The result could not be written as the file is.",
        "Save the file as CSV UTF-8 and upload it again.",
    ),
    Code.DATA_ENCODING: Entry(
        "The file is written in {encoding} and was read as that.", "Look at names and words with accents. UTF-8 is never in doubt."
    ),
    Code.DATA_SEPARATOR: Entry("The cells of the file are separated by {separator}.", "Nothing to do if the columns are right."),
    Code.DATA_LINE_ENDS: Entry("The lines of the file end with carriage returns alone.", "Nothing to do if the rows are right."),
    Code.DATA_EMPTY_LINES: Entry(
        "{found} lines hold no value. They are not people and were left out.",
        "Nothing to do. Write NA into a cell of a person of whom nothing is known.",
    ),
    Code.DATA_PADDED: Entry("Empty columns without a name at the right were left out.", "Nothing to do."),
    Code.DATA_NAMES_TRIMMED: Entry("Blanks around {found} column names do not count.", "Nothing to do."),
    Code.DATA_ROW_NAMES: Entry(
        "The first column has no name. It was taken for row names and is no part of the model.", "Give it a name if it holds values."
    ),
    Code.DATA_DECIMAL_COMMA: Entry(
        "Commas were read as decimal commas in {columns}.", "Compare the centres of these columns with what you expect."
    ),
    Code.DATA_THOUSANDS: Entry("Marks of thousands were read in {columns}.", "Write the numbers without marks if these are decimals."),
    Code.DATA_LEADING_ZEROS: Entry(
        "Column {column!r} has numbers with leading zeros, as codes have, and was read as numbers.",
        "Ignore the column in the job if it holds codes.",
    ),
    Code.RULE_MIN_ROWS: Entry(
        "Column {column!r} is observed on {found} rows that take part; the policy asks for none or at least {limit}.",
        "Use more rows, ignore the column in the job, or use another policy.",
    ),
    Code.RULE_PARAMETER_RATIO: Entry(
        "Column {column!r}: {parameters} coefficients for {found} rows; the policy allows {limit} per row.",
        "Use fewer predictors or more rows.",
    ),
    Code.RULE_CELL_COLUMN: Entry(
        "Column {column!r} has so few values that its sums are counts of people, and one value occurs on {found} of {where}; "
        "the policy asks for none or at least {limit}.",
        "Ignore the column in the job, merge its values in the files of all participants, or leave this site out.",
    ),
    Code.RULE_CELL_CROSS: Entry(
        "The table {column!r} × {other!r} has a cell of {found} of {where}; the policy asks for none or at least {limit}.",
        "Ignore one of the two columns in the job, merge values in the files of all participants, or leave this site out.",
    ),
    Code.RULE_DOMINANCE: Entry(
        "Two of {where} hold {found} of the sum of squares of column {column!r}, or one of them outweighs all but two; "
        "the policy allows {limit}.",
        "Correct the cells if they are errors, transform the column (its logarithm, say) in the files of all participants, or ignore it.",
    ),
    Code.RULE_DOMINANCE_CROSS: Entry(
        "Two rows hold {found} of the sum of products of columns {column!r} and {other!r}, or one of them outweighs all but two; "
        "the policy allows {limit}.",
        "Correct the cells if they are errors, transform a column (its logarithm, say) in the files of all participants, or ignore one.",
    ),
    Code.RULE_LEVERAGE: Entry(
        "Somebody is so far from all others in the columns of this job together that the sums would tell {found} of what is not known of "
        "that one; the policy allows {limit}.",
        "Ignore columns that are made of one another (windows or powers of a lab, dummies), correct far cells if they are errors, or "
        "transform their column in the files of all participants.",
    ),
    Code.RULE_EVENTS: Entry(
        "Target {column!r} has {found} {what}, whichever is fewer; a fit of this site's own needs at least {limit} of each.",
        "Ignore the column in the job, make it a predictor where it is complete and both values are common enough, or leave this site out.",
    ),
    Code.RULE_SET_ASIDE: Entry(
        "{found} of {rows} rows would be set aside because, in too small a group, they tell two targets apart; the limit is {limit}.",
        "Use fewer targets, a blind pair, or another policy.",
    ),
    Code.RULE_REDRAW: Entry(
        "{found} rows that miss binary target {column!r} take no part: in a group of so few, draws of so rare a value would tell people "
        "apart; {limit} such rows would do.",
        "Nothing is needed: it is as if they were not in the file. A policy with a smaller min_difference_group lets them in.",
    ),
    Code.RULE_MISSING_TOKEN: Entry(
        "The job reads {token} as missing, which is {found} cells of column {column!r} here; the policy asks for none or at least {limit}.",
        "If these cells are missing, leave them empty in this site's file; if they are values, do not approve the job.",
    ),
    Code.RULE_UNITS: Entry(
        "The centre, scale or start value of a column does not fit this site's values.",
        "Compare the units of the column at all participants; a column that is constant but for rounding should be constant.",
    ),
    Code.RULE_OTHER_ROWS: Entry(
        "The same file has answered job {job} about other rows: if the two differ by a few rows, the answers differ by theirs.",
        "Compare the columns and missing tokens of the two jobs before you press Start; if in doubt, cancel.",
    ),
    Code.RULE_LIFE_VERSIONS: Entry(
        "This would be version {found} of a data set that has stated a card before; the policy allows {limit}.",
        "Upload a version that has stated a card, or let the owner of the data release one more.",
    ),
    Code.RULE_LIFE_NUMBERS: Entry(
        "With this job {found} different numbers about column {column!r} would have left over the life of the data set; "
        "the policy allows {limit}.",
        "Ignore the column or others beside it, use fewer targets or more rows, or let the owner of the data release one more card.",
    ),
    Code.RULE_LIFE_FITS: Entry(
        "With this job {found} different own fits would have left over the life of the data set; the policy allows {limit}.",
        "Use targets and predictors that earlier jobs have used, or let the owner of the data release one more card.",
    ),
    Code.RULE_LIFE_CHANGE: Entry(
        "About {found} rows differ from an earlier version of this data set, as column {column!r} shows; the policy asks for none or at "
        "least {limit}.",
        "Upload the earlier version as it was, wait until more rows have come, or let the owner of the data release this version.",
    ),
    Code.RULE_LIFE_ERROR: Entry(
        "The numbers of this data set have left with errors of {found} typical rows; this policy has errors of {limit}. "
        "The same number with two errors is the number without one.",
        "Use the policy with which the life of the data set began, or wait until that life has ended.",
    ),
    Code.RULE_EVALUATIONS: Entry(
        "Code that sees rows was asked more than {limit} questions for one fit.", "Set a ridge; the target may be separated."
    ),
    Code.RULE_DRAW_SCHEDULE: Entry("A fill was asked for out of turn.", "Correct the pair: one fill per target and sweep, after its fit."),
    Code.RULE_NOT_FINITE: Entry("A number was not finite.", "Check the pair and the scales of the columns."),
    Code.RULE_UNDECLARED: Entry("Something was asked or answered that the manifest does not declare.", "Correct the manifest or the pair."),
    Code.RULE_REFUSAL_BUDGET: Entry(
        "The site refused {limit} questions, its budget for one job.", "Check the pair; see the site's ledger."
    ),
    Code.CARD_IMPOSSIBLE: Entry(
        "The numbers that a site stated are those of no rows.", "Ask the site which release it runs, and make the job without it meanwhile."
    ),
    Code.RULE_ADDITIVE: Entry(
        "A number that was declared a sum or a count is not the sum over the rows.",
        "Correct the pair: add up one contribution per row, and let neither order, place nor number of rows play a part.",
    ),
    Code.RULE_CONTRIBUTORS: Entry(
        "Only {found} groups of rows contribute to a sum, or deviate from what all contribute; the policy asks for 0 or at least {limit}.",
        "Sum over more rows, or leave out what only a few rows have.",
    ),
    Code.RULE_DIFFERENCE: Entry(
        "A sum differs from an earlier one in {found} groups of rows only; the policy asks for none or at least {limit}.",
        "Send the sum once, or let it differ by more rows.",
    ),
    Code.RULE_SPAN: Entry(
        "Two or more sums together tell what {found} groups of rows contribute; the policy asks for none or at least {limit}.",
        "Leave out one of two sums that nearly determine each other.",
    ),
    Code.RULE_LATTICE: Entry(
        "All but a few rows contribute multiples of one number to a sum: the rest can be read off its last digits.",
        "Look at the source of the pair; round the contributions of all rows alike or of none.",
    ),
    Code.RULE_VALUE: Entry("A number that would leave is the value of a cell.", "Look at the source of the pair before it is run again."),
    Code.RULE_SUM_BUDGET: Entry(
        "The code would send {found} numbers about the rows; the policy allows {limit}.",
        "Use fewer predictors, fewer rounds or more rows, or a blind pair.",
    ),
    Code.RULE_DATA_BUDGET: Entry(
        "In earlier jobs, code that saw rows has sent {found} numbers about this data set; the policy allows {limit} over all jobs.",
        "Use a blind pair, whose sums the gate computes. The receipts of the earlier jobs say what left.",
    ),
    Code.RULE_REQUEST_BOUNDS: Entry(
        "Central sent a number beyond the policy's bounds, or too many large ones.",
        "Check the fit of the target; set a ridge or ignore a predictor.",
    ),
    Code.RULE_ROW_STATE: Entry(
        "Cells were filled differently when the rows came in another order, or with a value beyond {limit}.",
        "Correct the pair: fill a cell from its own row, its random number and the request only.",
    ),
    Code.RULE_ESTIMATE: Entry(
        "The sums that an estimate was declared to be the root of have no root that the gate finds.",
        "Check that the information is minus the derivative of the gradient; set a ridge if it is singular.",
    ),
    Code.JOB_INVALID: Entry("The job is not valid: {reason}.", "Correct the job."),
    Code.JOB_COLUMN_UNKNOWN: Entry(
        "The job names column {column!r}, which is not in the header{nearest}.", "Use a name or a 1-based index of the header."
    ),
    Code.JOB_THINNING_ZERO: Entry(
        "{key} must be at least 1 when more than one imputation is asked for, else the imputations are identical.",
        "Set {key} to 1 or more.",
    ),
    Code.JOB_TARGETS: Entry("{reason}.", "Choose other targets or another pair."),
    Code.JOB_PARAMETERS: Entry("Parameter {parameter!r}: {reason}.", "Correct the parameter."),
    Code.JOB_PARTICIPANTS: Entry("The job has no participants.", "Add at least one site."),
    Code.JOB_NO_PREDICTORS: Entry("No column is left as a predictor.", "Give at least one column the role predictor."),
    Code.JOB_STATE: Entry("The job is {state}; that cannot be done now.", "Reload the page."),
    Code.JOB_CANCELLED: Entry("The job was cancelled.", "Make a new job to start again."),
    Code.MANIFEST_INVALID: Entry("manifest.toml, {key}: {reason}.", "Correct the manifest."),
    Code.PAIR_SOURCE: Entry("{module}: {reason}.", "Correct the pair; tidegate check lists every finding."),
    Code.PAIR_DIGEST: Entry("The pair's bytes do not match its digest.", "Approve the pair again."),
    Code.POLICY_INVALID: Entry("{file}, {key}: {reason}.", "Correct the policy file."),
    Code.FIT_SINGULAR: Entry(
        "Target {column!r} cannot be fitted: predictor {predictor!r} is constant or a combination of others.",
        "Ignore that column or set a ridge.",
    ),
    Code.FIT_SEPARATED: Entry(
        "Target {column!r} is separated by its predictors, {predictor!r} first of all.", "Set a ridge or ignore a predictor."
    ),
    Code.FIT_NOT_CONVERGED: Entry("The fit of target {column!r} did not converge.", "Set a ridge or ignore a predictor."),
    Code.FIT_TOO_FEW_ROWS: Entry("Target {column!r} has fewer rows than coefficients.", "Use fewer predictors or more sites."),
    Code.FIT_CORRELATION: Entry(
        "Target {column!r}: the correlation of missingness and outcome runs to 1 or -1.",
        "Choose another exclusion column, or a method for data missing at random.",
    ),
    Code.FIT_SMALL_SITE: Entry(
        "Binary target {column!r} is observed on {found} rows here; a fit of their own is biased away from 0 below {limit}.",
        "Use a pair that pools statistics (SIMI, SIMICE), or fewer predictors.",
    ),
    Code.FIT_FEW_EVENTS: Entry(
        "Target {column!r} has {found} rows with its rarer value: {per} for each of {parameters} coefficients. Below ten this site's own "
        "fit leans on its ridge, and its errors weigh as much as its numbers.",
        "Use fewer predictors, or make the target a predictor. Without that the job runs, too, with larger standard errors.",
    ),
    Code.FIT_NO_PART: Entry(
        "This site takes no part in the fit of target {column!r}: without {lacking} its own fit would be of another model.",
        "Nothing to do; its rows count for continuous targets. To take part, ignore what was never measured in the job.",
    ),
    Code.EVENT_COMPLETED: Entry(
        "Site {site} never measured {column!r}: the column was completed there from what the others state.",
        "Nothing to do; its rows count for the other continuous targets and tell nothing new of this column.",
    ),
    Code.EVENT_NO_PART: Entry(
        "Site {site} took no part in the fit of {column!r}, since it never measured {lacking}.",
        "Ignore what it never measured, if its rows are needed for this target.",
    ),
    Code.EVENT_ROWS_INCOMPLETE: Entry(
        "{rows} of central's rows have a missing predictor and took no part in the fits; {left} missing cells stay missing.",
        "Give the column the role ignored, or make it a target.",
    ),
    Code.EVENT_RIDGE: Entry("A ridge of {ridge} shrinks every slope towards 0.", "Use 0 unless a fit is singular or separated."),
    Code.EVENT_NOT_MIXED: Entry(
        "Target {column!r} has not settled: {measure} of the {statistic} of its imputed cells is {rhat}, above 1.1.",
        "Raise iteration_before_first_imputation and look at the trace.",
    ),
    Code.EVENT_AUTOCORRELATION: Entry(
        "The {statistic} of the imputed cells of {column!r} has autocorrelation {found} at lag {lag}, above 0.2: the imputations "
        "differ too little.",
        "Raise iteration_between_imputations.",
    ),
    Code.EVENT_CENTRAL_DIFFERS: Entry(
        "Central's level of target {column!r} differs from that of all participants together (z = {z}); imputed values are shifted by it.",
        "Use a pair with the parameter central_intercept (SIMI, SIMICE) and set it.",
    ),
    Code.RULE_LENDING_ROOM: Entry(
        "Code that sees these rows would need about {found} bytes; a worker has {limit}.",
        "Raise worker_data_bytes in the site's policy, ignore columns, or use a blind pair, whose rows stay in the gate.",
    ),
    Code.RULE_ROWS_ANSWER: Entry(
        "What code that sees rows answered did not pass the site's gate.",
        "The site's ledger and receipt name the rule; tidegate simulate names it on data of your own.",
    ),
    Code.RULE_ROWS_ACCESS: Entry(
        "This site does not let the pair's code see rows.",
        "Use a blind pair; or the site's owner reviews the code and lets exactly these bytes see rows (policy key rows_access).",
    ),
    Code.WORKER_SOURCE: Entry("The pair does not pass the source rules.", "See the findings of tidegate check."),
    Code.WORKER_RAISED: Entry("The pair's code raised an error at line {line}.", "Correct the pair; try it with tidegate simulate."),
    Code.WORKER_PROTOCOL: Entry("The worker broke the protocol.", "Report the pair to its author."),
    Code.WORKER_DIED: Entry("The worker was ended by {reason}.", "Check the pair and the limits of the policy."),
    Code.GATE_DIED: Entry("The gate was ended by {reason}.", "Check the memory of the machine; the job must be made again."),
    Code.GATE_PROTOCOL: Entry("The gate received a frame out of order.", "Report this with the log of the host."),
    Code.ISOLATION_MISSING: Entry(
        "This machine cannot isolate a worker: {reason}.",
        "Use Linux 5.13 or newer with Landlock and seccomp. Only the site administrator may lower minimum_isolation; if in doubt: no.",
    ),
    Code.LIMIT_TIME: Entry(
        "{what} took longer than {limit} s.",
        "Raise the limit in the policy, or use fewer rows, columns or imputations.",
    ),
    Code.LIMIT_MEMORY: Entry("The memory limit of {limit} bytes was reached.", "Raise worker_data_bytes in the policy."),
    Code.LIMIT_FRAME: Entry("A frame was larger than {limit} bytes.", "Use fewer columns or chains; the policy key is max_frame_bytes."),
    Code.LIMIT_CHAINS: Entry(
        "The job runs {found} chains side by side; the policy accepts {limit}.",
        "Make the job with fewer chains; the policy key is max_chains.",
    ),
    Code.LIMIT_MESSAGES: Entry("The job sent more than {limit} messages.", "Use fewer sweeps; the policy key is max_messages."),
    Code.LIMIT_STEP_MESSAGES: Entry(
        "One step sent more than {limit} messages.", "Send fewer tells or notes between two questions; the key is max_messages_per_step."
    ),
    Code.LIMIT_CPU: Entry(
        "The worker used up its processor time.", "Look for an endless loop in the pair; the policy key is worker_cpu_seconds."
    ),
    Code.WIRE_FRAME: Entry("Bytes were received that are not a frame.", "Check that both ends run compatible versions."),
    Code.WIRE_MESSAGE: Entry("A message was received that is not in the protocol.", "Check that both ends run compatible versions."),
    Code.WIRE_VERSION: Entry(
        "The peer speaks protocol {found}, this end {expected}.", "Upgrade the older end: both ends need the same version."
    ),
    Code.WIRE_SEQUENCE: Entry("A message was lost.", "The link is opened again."),
    Code.SITE_LOST: Entry(
        "Site {site} was away for more than {limit} s while it owed the job an answer.", "Make the job again when it is back."
    ),
    Code.SITE_RESTARTED: Entry("Site {site} was restarted while the job was running.", "Make the job again."),
    Code.SITE_REVOKED: Entry(
        "The key of site {site} was taken away or replaced while the job was running.", "Make the job again when the site is enrolled."
    ),
    Code.SITE_SILENT: Entry("Site {site} acknowledged none of the last {limit} messages.", "Restart the site and make the job again."),
    Code.SITE_DUPLICATE: Entry("A link with this site_id is already open and alive.", "Stop the other process that uses this site's key."),
    Code.CENTRAL_RESTARTED: Entry("Central was restarted while the job was running.", "Make the job again."),
    Code.RESULT_EXPIRED: Entry("The result was kept for {limit} s and has been wiped.", "Make the job again."),
    Code.ACCESS_SIGN_IN: Entry("You are not signed in.", "Sign in and try again."),
    Code.ACCESS_CREDENTIALS: Entry("The name or the password is wrong.", "Try again; an administrator can set a new password."),
    Code.ACCESS_TOO_MANY: Entry("Too many attempts to sign in.", "Wait a minute and try again."),
    Code.ACCESS_NOT_APPROVED: Entry(
        "The account is not approved (yet, or any more).", "Wait for the mail of central's administrator, or ask for it."
    ),
    Code.ACCESS_FORBIDDEN: Entry("Your account may not do this: it needs the role {role}.", "Ask central's administrator for the role."),
    Code.ACCESS_ORIGIN: Entry(
        "The request came from a foreign page or was sent to a foreign host name.", "Open the pages under their own address."
    ),
    Code.REQUEST_INVALID: Entry("The request is not valid: {reason}.", "Correct it and send it again."),
    Code.REQUEST_NOT_FOUND: Entry("There is no such {what}.", "Check the address, or go back to the start and choose from the list."),
    Code.REQUEST_TOO_LARGE: Entry("The request is larger than {limit} bytes.", "Send less at once."),
    Code.REQUEST_FAILED: Entry("The server failed.", "Try again; if it stays, the log of the server names the place."),
    Code.ACCOUNT_EXISTS: Entry("The user name {username!r} is taken.", "Choose another one."),
    Code.ACCOUNT_LAST_ADMIN: Entry(
        "{username!r} is the last administrator: without one nobody could approve accounts.",
        "Give another approved account the role admin first.",
    ),
    Code.PAIR_EXISTS: Entry("{name} {version} is registered already, with other bytes.", "Raise the version in manifest.toml."),
    Code.SITE_NOT_CONFIGURED: Entry("This site does not know its central yet.", "Fill in the configuration and enrol this site."),
    Code.SITE_FINGERPRINT: Entry(
        "The certificate authority offered at {central} does not have the fingerprint that was typed.",
        "Compare the fingerprint with central's administrator over another channel; if it still differs, somebody is in between.",
    ),
    Code.SITE_ENROLMENT: Entry(
        "Central did not accept the enrolment.",
        "Check user name, password and site_id; the account must be approved with the role site.",
    ),
    Code.SITE_NOT_APPROVED: Entry(
        "The pair of this job is not approved at this site.", "Read the pair's source and approve its digest first."
    ),
    Code.SITE_NO_CONTRACT: Entry("Central has not uploaded its data yet: the contract is open.", "Wait until central has uploaded."),
    Code.SITE_NO_CARD: Entry(
        "No card was made of this upload.",
        "Only blind pairs have cards. Of any other, the ledger and the receipt tell what left.",
    ),
    Code.SITE_NOT_READY: Entry(
        "The file of site {site} does not pass any more: another job has told something of it meanwhile.",
        "Make the job again. The owner of the data reads at the upload what stops the file.",
    ),
    Code.SITE_NO_UPLOAD: Entry("There is no clean upload.", "Upload the CSV file of this site; the report says what to correct."),
    Code.CENTRAL_UNREACHABLE: Entry("Central could not be reached at {central}.", "Check the address, the network and the proxy setting."),
}


class TidegateError(Exception):
    """A failure with a code. `details` stay on this side of the boundary."""

    def __init__(self, code: Code, **details: object) -> None:
        self.code = code
        self.details = details
        super().__init__(self.sentence)

    @property
    def site(self) -> str | None:
        """The participant that it happened at, where that is known: the detail `site`."""
        site = self.details.get("site")
        return site if isinstance(site, str) else None

    @property
    def sentence(self) -> str:
        """What happened, for a person on this side of the boundary."""
        return describe(self.code, self.details)

    @property
    def remedy(self) -> str:
        """What to do next."""
        return CATALOGUE[self.code].remedy.format_map(_Details(self.details))

    def __str__(self) -> str:
        return f"{self.sentence} {self.remedy} [{self.code}]"


class InputError(TidegateError):
    """Data, job, pair or policy are not as they should be."""


class Refused(TidegateError):
    """A site's gate refused a question; central learns the site and the code, nothing else."""

    def __init__(self, site: str, code: Code, **details: object) -> None:
        super().__init__(code, site=site, **details)


class PeerError(TidegateError):
    """A peer, a gate or a worker broke the protocol or went away."""


class LimitError(TidegateError):
    """A limit of the policy was reached."""


class IsolationError(TidegateError):
    """The machine cannot isolate as demanded; nothing is run."""


def describe(code: Code, details: dict[str, object] | None = None) -> str:
    """The sentence of `code`, with an ellipsis for details that are not known here."""
    return CATALOGUE[code].sentence.format_map(_Details(details or {}))
