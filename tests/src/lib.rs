//! Scenarios over HTTP against the whole system: see the `tests` folder beside this file's.
