//! Free loopback ports.
//!
//! Never from the range out of which the system serves outgoing connections: there, a client that
//! tries to reach a server which is down can be given the very port, connect to itself, and keep
//! the server from coming back to it.

use std::{fs, net::TcpListener};

use crate::{Error, random};

/// Ports below this are left to servers that people know by their numbers.
const LOWEST: u16 = 15_000;
/// Where the range of outgoing connections begins when the system does not tell.
const OUTGOING: u16 = 32_768;
const TRIES: usize = 200;

/// Distinct ports of 127.0.0.1 that are free now.
pub(crate) fn free<const N: usize>() -> Result<[u16; N], Error> {
    let highest = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(OUTGOING);
    // Held until all are found, so that they are distinct.
    let mut held: Vec<TcpListener> = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let (number, listener) = one(highest)?;
        *port = number;
        held.push(listener);
    }
    Ok(ports)
}

fn one(highest: u16) -> Result<(u16, TcpListener), Error> {
    for _ in 0..TRIES {
        let number = match highest.checked_sub(LOWEST) {
            Some(width) if width > 1000 => {
                LOWEST + u16::from_ne_bytes(random::bytes::<2>()?) % width
            }
            _ => 0, // no room below: whatever the system gives
        };
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", number))
            && let Ok(address) = listener.local_addr()
        {
            return Ok((address.port(), listener));
        }
    }
    Err(Error::failed("no free loopback port was found"))
}

/// Whether something listens there.
pub(crate) fn taken(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_and_distinct() {
        let ports = free::<4>().unwrap();
        let mut listeners = Vec::new();
        for port in ports {
            listeners.push(TcpListener::bind(("127.0.0.1", port)).unwrap());
            assert!(taken(port));
        }
    }
}
