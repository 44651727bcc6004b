"""What clients meet: routes, limits, codecs, errors, the page. It holds no model; behind `backend`, one is asked."""
