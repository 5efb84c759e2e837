"""What is planted in every password, key and address, to be searched for afterwards."""

import secrets

MARK = f"planted{secrets.token_hex(6)}"
"""In each of them; made anew, so that no file of a checkout holds it."""
