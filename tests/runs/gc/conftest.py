from tests.audit.conftest import audited as audited
from tests.audit.conftest import template as template
