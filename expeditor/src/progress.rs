//! How far a long command has come: a bar on a terminal, now and then a line elsewhere. Goes to
//! stderr, so that stdout holds the result alone.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::print;

/// Progress towards a known number.
pub struct Progress {
    total: u64,
    done: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Nothing is done yet.
    pub fn new(total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(
                "{bar:40} {pos}/{len} orders have ended  {elapsed} {msg}",
            );
            let bar = ProgressBar::new(total);
            // A template that does not parse would only cost looks.
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Self { total, done: 0, bar }
    }

    /// One more.
    pub fn step(&mut self) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.inc(1),
            None => {
                let tenth = (self.total / 10).max(1);
                if self.done.is_multiple_of(tenth) || self.done == self.total {
                    print::aside(format_args!("{} of {} orders have ended", self.done, self.total));
                }
            }
        }
    }

    /// Says what is being done now.
    pub fn say(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => print::aside(what),
        }
    }

    /// Says something that is to stay in sight.
    pub fn tell(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.println(what),
            None => print::aside(what),
        }
    }

    /// The end, of whatever kind: leaves the bar as it is.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }
}
