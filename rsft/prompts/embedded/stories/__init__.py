"""All templates, by what training sees of them; in each wordings tuple the last one is held out."""

from rsft.prompts.embedded.stories import farm, home, school, shop, travel, work

_TOPICS = (home, shop, school, farm, travel, work)

WORKED = tuple(template for topic in _TOPICS for template in topic.WORKED)
"""Templates of which some prompts carry a worked solution."""
ANSWERS_ONLY = tuple(template for topic in _TOPICS for template in topic.ANSWERS_ONLY)
"""Templates of which training sees answers alone."""
UNSEEN = tuple(template for topic in _TOPICS for template in topic.UNSEEN)
"""Templates of the guard set: nobody trains on them, and all their wordings are in use."""
