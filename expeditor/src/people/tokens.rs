//! Who somebody is to the services, and the tokens by which they are believed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use runtime::{auth::Role, ports::Ports};

/// Where tokens come from. One that was given may be given again for as long as it is good.
pub trait Tokens: Send + Sync {
    /// A token of somebody in that role, good for a while yet.
    ///
    /// # Errors
    ///
    /// None can be made, for this reason.
    fn token(&self, role: Role) -> Result<String, String>;
}

/// One token for everybody.
pub struct Fixed(pub String);

impl Tokens for Fixed {
    fn token(&self, _role: Role) -> Result<String, String> {
        Ok(self.0.clone())
    }
}

/// How long a token is good for. One that is stolen is not good for long.
pub const GOOD_FOR: Duration = Duration::from_secs(300);
/// When it is made anew, so that one that was just given is still good when it arrives.
const RENEWED_AFTER: Duration = Duration::from_secs(150);

/// Makes a token for a role, good for so long.
pub type Mint = dyn Fn(Role, Duration) -> Result<String, String> + Send + Sync;

/// Tokens that are good for a short time, each made anew in time.
pub struct ShortLived {
    mint: Box<Mint>,
    ports: Ports,
    /// With when it was made.
    given: Mutex<BTreeMap<Role, (Duration, String)>>,
}

impl ShortLived {
    /// Made by that.
    pub fn new(mint: Box<Mint>, ports: Ports) -> Self {
        Self { mint, ports, given: Mutex::default() }
    }
}

impl Tokens for ShortLived {
    fn token(&self, role: Role) -> Result<String, String> {
        let now = self.ports.clock.elapsed();
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, token)) = given.get(&role)
            && now.saturating_sub(*made) < RENEWED_AFTER
        {
            return Ok(token.clone());
        }
        let token = (self.mint)(role, GOOD_FOR)?;
        given.insert(role, (now, token.clone()));
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use contracts::Timestamp;
    use runtime::ports::Clock;

    use super::*;

    #[derive(Default)]
    struct Seconds(AtomicU64);

    #[async_trait::async_trait]
    impl Clock for Seconds {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }
        fn elapsed(&self) -> Duration {
            Duration::from_secs(self.0.load(Ordering::Relaxed))
        }
        async fn sleep(&self, _duration: Duration) {}
    }

    #[test]
    fn a_token_is_given_again_until_half_its_time_is_over() {
        let clock = Arc::new(Seconds::default());
        let ports = Ports { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..Ports::system() };
        let made = AtomicU64::new(0);
        let mint = move |role, good_for| {
            assert_eq!(good_for, GOOD_FOR);
            match role {
                Role::Rider => Err("no key".to_owned()),
                _ => Ok(format!("{role:?} {}", made.fetch_add(1, Ordering::Relaxed))),
            }
        };
        let tokens = ShortLived::new(Box::new(mint), ports);
        for (second, role, expected) in [
            (0, Role::Cook, "Cook 0"),
            (1, Role::Customer, "Customer 1"),
            (149, Role::Cook, "Cook 0"),
            (150, Role::Cook, "Cook 2"),
            (150, Role::Customer, "Customer 1"),
            (299, Role::Cook, "Cook 2"),
        ] {
            clock.0.store(second, Ordering::Relaxed);
            assert_eq!(tokens.token(role).unwrap(), expected, "second {second}");
        }
        assert_eq!(tokens.token(Role::Rider).unwrap_err(), "no key");
    }
}
