"""Parts of the detector of counts: its categories, its statistic, its thresholds, and what persistence does to them."""
