"""Which central this site works with, how its certificate authority was pinned, and the enrolment of the site's key."""
