//! etcd on this machine: one member or several, on the loopback interface, in a folder of their own.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dkv20_exam::{Interrupt, PortSpec, Service};

use crate::access::Access;
use crate::connection::Connection;
use crate::error::LiveError;

/// How long the members may take until they answer.
const START_TIME_MAX: Duration = Duration::from_secs(30);

/// Ports that no system takes by default for the near end of a connection: a member that was down
/// finds its port free.
const PORTS: RangeInclusive<u16> = 10_000..=32_767;
/// How many ports are tried for each that is needed.
const TRIES: usize = 1_000;

/// A cluster of etcd. Dropping it ends the members; the folder stays.
pub struct Servers {
    members: Vec<Member>,
    interrupt: Interrupt,
}

/// A member of the cluster.
struct Member {
    name: String,
    client_url: String,
    command: Vec<String>,
    /// `None` while it is down.
    service: Option<Service>,
}

impl Servers {
    /// Starts a new cluster of `count` members, at least one, with their data below `folder`, and
    /// waits until it answers. `options` are further options of each member.
    ///
    /// # Errors
    ///
    /// etcd is not installed, or a member ends or does not answer; the reason is the end of its log.
    pub async fn start(
        count: usize,
        folder: &Path,
        options: &[&str],
        interrupt: Interrupt,
    ) -> Result<Self, LiveError> {
        let listeners = free_ports(2 * count).map_err(|error| failed(&error))?;
        let urls: Vec<_> = listeners
            .iter()
            .map(|listener| Ok(format!("http://{}", listener.local_addr()?)))
            .collect::<Result<_, io::Error>>()
            .map_err(|error| failed(&error))?;
        // Another program could take a port from here on until etcd has it: then etcd ends.
        drop(listeners);
        let (client_urls, peer_urls) = urls.split_at(count);
        let named = peer_urls.iter().enumerate();
        let cluster: Vec<_> = named.map(|(number, url)| format!("m{number}={url}")).collect();
        let members = (0..count).map(|number| {
            let place = Place {
                folder,
                name: format!("m{number}"),
                client_url: &client_urls[number],
                peer_url: &peer_urls[number],
            };
            Member::new(&place, &cluster.join(","), options)
        });
        let mut servers = Self { members: members.collect(), interrupt };
        for number in 0..count {
            servers.restart(number)?;
        }
        servers.await_answer(folder).await?;
        Ok(servers)
    }

    /// Returns the URLs of all members.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| member.client_url.clone()).collect()
    }

    /// Returns the URL of a member.
    #[must_use]
    pub fn endpoint(&self, number: usize) -> &str {
        &self.members[number].client_url
    }

    /// Returns the process id of a member, or `None` while it is down.
    #[must_use]
    pub fn process_id(&self, number: usize) -> Option<u32> {
        self.members[number].service.as_ref().map(Service::id)
    }

    /// Kills a member (SIGKILL).
    pub fn kill(&mut self, number: usize) {
        self.members[number].service = None;
    }

    /// Starts a member with the data that it had.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub fn restart(&mut self, number: usize) -> Result<(), LiveError> {
        let member = &mut self.members[number];
        member.service = None;
        let spec = PortSpec::new(&member.name, member.command.clone());
        let service = Service::start(&spec, self.interrupt.clone());
        member.service = Some(service.map_err(|error| failed(&error))?);
        Ok(())
    }

    async fn await_answer(&mut self, folder: &Path) -> Result<(), LiveError> {
        let access = Access {
            patience: Duration::ZERO,
            ..Access::new(self.endpoints(), self.interrupt.clone())
        };
        let mut connection = Connection::new(access);
        let started = Instant::now();
        loop {
            let outcome = connection.once(async |client| client.get("health", None).await).await;
            let Err(trouble) = outcome else { return Ok(()) };
            let ended = self.members.iter_mut().find_map(|member| {
                member.service.as_mut()?.has_ended().then(|| member.name.clone())
            });
            if self.interrupt.is_raised() {
                return Err(LiveError::Interrupted);
            }
            if let Some(name) = ended {
                let log = fs::read_to_string(log_file(folder, &name)).unwrap_or_default();
                let last = log.lines().last().unwrap_or("it wrote nothing").to_owned();
                return Err(LiveError::Program { name: format!("etcd ({name})"), reason: last });
            }
            if started.elapsed() > START_TIME_MAX {
                return Err(connection.failed(trouble));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The place of a member.
struct Place<'a> {
    folder: &'a Path,
    name: String,
    client_url: &'a str,
    peer_url: &'a str,
}

impl Member {
    fn new(place: &Place<'_>, cluster: &str, options: &[&str]) -> Self {
        let Place { folder, name, client_url, peer_url } = place;
        let data = folder.join(name).to_string_lossy().into_owned();
        let log = log_file(folder, name).to_string_lossy().into_owned();
        // Its output goes to a file: nothing reads a pipe while it runs.
        let shell = ["/bin/sh", "-c", r#"exec "$@" >>"$0" 2>&1"#, &log, "etcd"];
        let own = [
            ("--name", name.as_str()),
            ("--data-dir", &data),
            ("--listen-client-urls", client_url),
            ("--advertise-client-urls", client_url),
            ("--listen-peer-urls", peer_url),
            ("--initial-advertise-peer-urls", peer_url),
            ("--initial-cluster", cluster),
            ("--logger", "zap"),
            ("--log-level", "warn"),
        ];
        let own = own.iter().flat_map(|(name, value)| [*name, value]);
        let words = shell.into_iter().chain(own).chain(options.iter().copied());
        Self {
            name: name.clone(),
            client_url: (*client_url).into(),
            command: words.map(String::from).collect(),
            service: None,
        }
    }
}

/// Returns listeners at random free ports of the loopback interface.
fn free_ports(count: usize) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for _ in 0..TRIES * count {
        if listeners.len() == count {
            break;
        }
        let random = getrandom::u64().map_err(io::Error::other)?;
        let range = u64::from(PORTS.end() - PORTS.start()) + 1;
        let port = PORTS.start() + u16::try_from(random % range).expect("the range is of a u16");
        // One that is taken is not the right one.
        listeners.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    if listeners.len() < count {
        return Err(io::Error::other("no free ports on the loopback interface"));
    }
    Ok(listeners)
}

fn log_file(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log"))
}

fn failed(error: &io::Error) -> LiveError {
    LiveError::Program { name: "etcd".into(), reason: error.to_string() }
}
