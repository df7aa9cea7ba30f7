//! Which of several processes this is, as whoever started them says in the environment.

use std::env;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::nn::native::process_group::Address;

/// What [`crate::processes::launch`] sets for its workers, beside what all launchers set.
pub(crate) const LAUNCHED: &str = "LPMFLOW_LAUNCHED";

/// Seconds in which all processes must have come.
pub(crate) const JOIN_SECONDS: &str = "LPMFLOW_JOIN_SECONDS";

/// The same if nothing is said.
const USUAL_WAIT: Duration = Duration::from_secs(300);

/// Most processes that anyone could mean.
const MOST: usize = 1 << 16;

/// The place of a process among others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its number, from 0.
    pub rank: usize,
    /// How many there are.
    pub world_size: usize,
    /// Its number on its machine.
    pub local_rank: usize,
    /// The machine where all meet.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// Whether this process opens that port.
    pub serves: bool,
    /// Whether this program started it.
    pub launched: bool,
    /// What distinguishes this start of the processes from one before it.
    pub attempt: String,
    /// How long to wait for the others.
    pub wait: Duration,
}

/// Whether this process speaks for all: it is alone or the first, as far as the environment tells.
pub(crate) fn speaks() -> bool {
    let several = env::var("WORLD_SIZE").is_ok_and(|size| !size.is_empty());
    let further = |rank: String| rank.parse().is_ok_and(|rank: usize| rank > 0);
    !several || !env::var("RANK").is_ok_and(further)
}

impl Place {
    /// The place that the environment gives; `None` for a process of its own.
    ///
    /// # Errors
    /// When the environment contradicts itself, or leaves out what it takes.
    pub(crate) fn of_environment() -> Result<Option<Self>> {
        Self::of(&|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn of(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let Some(world_size) = variable("WORLD_SIZE") else { return Ok(None) };
        let world_size = number("WORLD_SIZE", &world_size)?;
        let named = |name| {
            variable(name).with_context(|| {
                format!(
                    "WORLD_SIZE says that this is one of {world_size} processes, and {name} is not set: launchers \
                     set RANK, LOCAL_RANK, MASTER_ADDR and MASTER_PORT as well"
                )
            })
        };
        if world_size == 1 && variable("MASTER_ADDR").is_none() {
            return Ok(None);
        }
        ensure!((1..=MOST).contains(&world_size), "WORLD_SIZE: there are 1 to {MOST} processes");
        let rank = number("RANK", &named("RANK")?)?;
        ensure!(
            rank < world_size,
            "RANK is {rank}, and of {world_size} processes the last is {}",
            world_size - 1
        );
        let local_rank = number("LOCAL_RANK", &named("LOCAL_RANK")?)?;
        let port = named("MASTER_PORT")?;
        let port = port.parse().ok().filter(|port| *port != 0);
        let port = port.context("MASTER_PORT is no port: a number from 1 to 65535")?;
        // torchrun serves the port itself.
        let agent = variable("TORCHELASTIC_USE_AGENT_STORE");
        let launched = variable(LAUNCHED).is_some();
        let served = launched || agent.is_some_and(|agent| agent.eq_ignore_ascii_case("true"));
        let wait = match variable(JOIN_SECONDS) {
            Some(seconds) => Duration::from_secs(number(JOIN_SECONDS, &seconds)?.max(1) as u64),
            None => USUAL_WAIT,
        };
        Ok(Some(Self {
            rank,
            world_size,
            local_rank,
            host: named("MASTER_ADDR")?,
            port,
            serves: rank == 0 && !served,
            launched,
            attempt: variable("TORCHELASTIC_RESTART_COUNT").unwrap_or_default(),
            wait,
        }))
    }

    /// Where all meet, in words.
    pub(crate) fn meeting(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Where the others reach this process: at the address from which it reaches the meeting place, or at the network
    /// interface that `GLOO_SOCKET_IFNAME` names.
    ///
    /// # Errors
    /// When there is no machine of that name, or no way to it.
    pub(crate) fn address(&self) -> Result<Address> {
        if let Ok(interface) = env::var("GLOO_SOCKET_IFNAME")
            && !interface.is_empty()
        {
            return Ok(Address::Interface(interface));
        }
        let host = &self.host;
        let addresses = (host.as_str(), self.port).to_socket_addrs().with_context(|| {
            format!("MASTER_ADDR names `{host}`, and no machine is found by that name")
        })?;
        let mut problem = None;
        for address in addresses {
            match own_address(address) {
                Ok(own) => return Ok(Address::Ip(own)),
                Err(error) => problem = Some(error),
            }
        }
        match problem {
            Some(error) => {
                Err(error).with_context(|| format!("finding a way to MASTER_ADDR `{host}`"))
            }
            None => bail!("MASTER_ADDR names `{host}`, which has no address"),
        }
    }
}

/// The address of this machine from which another is reached; nothing is sent.
fn own_address(other: SocketAddr) -> std::io::Result<IpAddr> {
    let any = if other.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(other)?;
    Ok(socket.local_addr()?.ip())
}

fn number(name: &str, text: &str) -> Result<usize> {
    text.trim().parse().with_context(|| format!("{name} is `{text}`, which is no whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(variables: &[(&str, &str)]) -> Result<Option<Place>> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        Place::of(&|name| find(name).map(|(_, value)| (*value).to_owned()))
    }

    const FULL: [(&str, &str); 5] = [
        ("RANK", "1"),
        ("WORLD_SIZE", "2"),
        ("LOCAL_RANK", "1"),
        ("MASTER_ADDR", "node-1"),
        ("MASTER_PORT", "29500"),
    ];

    #[test]
    fn launchers_say_which_process_this_is() {
        let found = place(&FULL).unwrap().unwrap();
        assert_eq!((found.rank, found.world_size, found.meeting()), (1, 2, "node-1:29500".into()));
        assert!(!found.serves && !found.launched);
        let first = |agent: &str| {
            let mut variables = FULL.to_vec();
            variables[0].1 = "0";
            variables.push(("TORCHELASTIC_USE_AGENT_STORE", agent));
            place(&variables).unwrap().unwrap().serves
        };
        assert!(first("False") && !first("True"), "torchrun serves the port itself");
        assert_eq!(place(&[]).unwrap(), None);
        assert_eq!(place(&[("RANK", "3")]).unwrap(), None, "which anyone may set");
        assert_eq!(place(&[("WORLD_SIZE", "1"), ("RANK", "0")]).unwrap(), None);
    }

    #[test]
    fn what_is_missing_or_contradicts_itself_is_named() {
        for missing in 0..FULL.len() {
            let mut variables = FULL.to_vec();
            let (name, _) = variables.remove(missing);
            if name == "WORLD_SIZE" {
                continue;
            }
            let error = place(&variables).unwrap_err().to_string();
            assert!(error.contains(&format!("{name} is not set")), "{error}");
        }
        for (index, value, wanted) in [
            (0, "2", "of 2 processes the last is 1"),
            (0, "x", "RANK is `x`"),
            (1, "0", "1 to 65536"),
            (4, "0", "no port"),
        ] {
            let mut variables = FULL.to_vec();
            variables[index].1 = value;
            let error = format!("{:#}", place(&variables).unwrap_err());
            assert!(error.contains(wanted), "{error}");
        }
    }
}
