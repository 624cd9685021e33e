//! How often people look at their app: soon again while there is something to do, then ever less.

use std::time::Duration;

use runtime::ports::Ports;
use tokio::sync::watch;

/// The pause between two looks.
#[derive(Debug)]
pub struct Pace {
    shortest: Duration,
    longest: Duration,
    pause: Duration,
}

impl Pace {
    /// Pauses between these bounds.
    pub const fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, pause: shortest }
    }

    /// The next pause: the shortest after something was done, else half as long again each time.
    pub fn next(&mut self, busy: bool) -> Duration {
        self.pause = if busy { self.shortest } else { (self.pause * 3 / 2).min(self.longest) };
        self.pause
    }
}

/// Tells everybody when to go home.
#[derive(Clone, Debug)]
pub struct Closing(watch::Receiver<bool>);

impl Closing {
    /// The signal, and what follows it.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether it is time to go.
    pub fn is_now(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is time to go (also where nobody is left to say so).
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|closing| *closing).await;
    }

    /// Pauses; answers whether there is more to do after it.
    pub async fn pause(&mut self, ports: &Ports, pause: Duration) -> bool {
        tokio::select! {
            () = ports.clock.sleep(pause) => !self.is_now(),
            () = self.wait() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_bound_and_start_over_after_work() {
        let ms = Duration::from_millis;
        let mut pace = Pace::new(ms(20), ms(40));
        let pauses: Vec<_> = [false, false, false, true, false].map(|busy| pace.next(busy)).into();
        assert_eq!(pauses, [ms(30), ms(40), ms(40), ms(20), ms(30)]);
    }
}
