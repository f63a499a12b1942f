//! The flags of whatever serves: as typed, and turned into settings.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};

use clap::Args;

use super::duration::Time;
use super::log_flags::LogFlags;
use super::page_flags::PageFlags;
use crate::compile::{Options, Placement};
use crate::settings::Settings;
use crate::telemetry::access_log;

/// Flags of whatever serves.
#[derive(Clone, Debug, Args)]
pub(super) struct ServeFlags {
    /// Worker threads; by default one for each processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,

    /// Open another port than the one a listener names; can be given more than once. To 0: one that the system chooses
    #[arg(long, value_name = "FROM=TO", value_parser = port_pair)]
    port_map: Vec<(u16, u16)>,

    #[command(flatten)]
    pages: PageFlags,

    /// Most connections of clients at once; more wait until one ends
    #[arg(long, value_name = "N", default_value_t = at_least_one(Settings::default().max_connections))]
    max_connections: NonZeroUsize,

    /// Serve Services of type ExternalName. Whoever may write a Service can then have anything dialled
    #[arg(long)]
    allow_external_names: bool,

    #[command(flatten)]
    times: Times,

    /// Keep a request going whose HTTP/1 client has closed its sending side
    #[arg(long)]
    allow_half_close: bool,

    /// Largest request body that is kept for another try, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Settings::default().replay_limit)]
    replay_limit: usize,

    #[command(flatten)]
    access_log: AccessLogFlags,

    #[command(flatten)]
    pub(super) log: LogFlags,
}

/// Limits in time.
#[derive(Clone, Debug, Args)]
struct Times {
    /// Longest time for a client to send a request's head, or for its TLS handshake
    #[arg(long, value_name = "TIME", default_value_t = Time(Settings::default().client_head_timeout), value_parser = limit)]
    client_head_timeout: Time,

    /// Longest idle time of a client's connection
    #[arg(long, value_name = "TIME", default_value_t = Time(Settings::default().client_idle_timeout), value_parser = limit)]
    client_idle_timeout: Time,

    /// Longest time without a byte either way on an upgraded connection or within a response
    #[arg(long, value_name = "TIME", default_value_t = Time(Settings::default().stream_idle_timeout), value_parser = limit)]
    stream_idle_timeout: Time,

    /// Longest time to connect to an endpoint
    #[arg(long, value_name = "TIME", default_value_t = Time(Settings::default().connect_timeout), value_parser = limit)]
    connect_timeout: Time,

    /// Longest idle time of a connection that is kept to an endpoint
    #[arg(long, value_name = "TIME", default_value_t = Time(Settings::default().upstream_idle_timeout))]
    upstream_idle_timeout: Time,

    /// From SIGTERM on: no longer ready, and still accepting, for this long
    #[arg(long, value_name = "TIME", default_value_t = Time(Settings::default().drain_delay))]
    drain_delay: Time,

    /// After the drain delay, what is left in flight is cut at this deadline
    #[arg(long, value_name = "TIME", default_value_t = Time(Settings::default().drain_deadline))]
    drain_deadline: Time,
}

/// What the access log takes.
#[derive(Clone, Debug, Args)]
struct AccessLogFlags {
    /// Write an access log to stdout: one line of JSON for each request
    #[arg(long)]
    access_log: bool,

    /// One line of so many
    #[arg(long, value_name = "N", default_value = "1", requires = "access_log")]
    access_log_sample: NonZeroU32,

    /// Which requests: `errors`, `status>=N`, `route=NAMESPACE/NAME`, joined by commas
    #[arg(long, value_name = "FILTER", requires = "access_log")]
    access_log_filter: Option<access_log::Filter>,
}

impl ServeFlags {
    /// The data plane's settings.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            workers: self.workers.map_or(Settings::default().workers, usize::from),
            port_map: self.port_map(),
            metrics: self.pages.metrics,
            admin: self.pages.admin(),
            max_connections: self.max_connections.get(),
            client_head_timeout: self.times.client_head_timeout.0,
            client_idle_timeout: self.times.client_idle_timeout.0,
            stream_idle_timeout: self.times.stream_idle_timeout.0,
            connect_timeout: self.times.connect_timeout.0,
            upstream_idle_timeout: self.times.upstream_idle_timeout.0,
            abort_on_half_close: !self.allow_half_close,
            replay_limit: self.replay_limit,
            drain_delay: self.times.drain_delay.0,
            drain_deadline: self.times.drain_deadline.0,
            service_account: None,
        }
    }

    /// Ports to open in place of others.
    pub(super) fn port_map(&self) -> BTreeMap<u16, u16> {
        self.port_map.iter().copied().collect()
    }

    /// What compile goes by, serving a folder of manifests.
    pub(super) fn options(&self) -> Options {
        let own = [Some(self.pages.metrics), self.pages.admin()];
        // A listener whose port is mapped elsewhere does not meet ours.
        let mapped = |port: &u16| self.port_map.iter().any(|(from, _)| from == port);
        let ports = own.into_iter().flatten().map(|address| address.port()).filter(|&port| port != 0);
        Options {
            placement: Placement::Process,
            external_names: self.allow_external_names,
            own_ports: ports.filter(|port| !mapped(port)).collect(),
            ..Options::default()
        }
    }

    /// What the access log takes. `None`: it is off.
    pub(super) fn access_log(&self) -> Option<access_log::Options> {
        let flags = &self.access_log;
        let filter = || flags.access_log_filter.clone().unwrap_or_default();
        flags.access_log.then(|| access_log::Options { sample: flags.access_log_sample, filter: filter() })
    }
}

/// A time without which nothing could happen: zero is no "no limit".
fn limit(text: &str) -> Result<Time, String> {
    let time: Time = text.parse()?;
    if time.0.is_zero() { Err("there is no time at all in 0; the shortest is 1ms".to_owned()) } else { Ok(time) }
}

fn at_least_one(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}

fn port_pair(text: &str) -> Result<(u16, u16), String> {
    let invalid = || format!("{text:?} is not FROM=TO with two ports, like 80=8080");
    let (from, to) = text.split_once('=').ok_or_else(invalid)?;
    let from: u16 = from.parse().map_err(|_| invalid())?;
    if from == 0 { Err(invalid()) } else { Ok((from, to.parse().map_err(|_| invalid())?)) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        flags: ServeFlags,
    }

    fn flags(line: &str) -> Result<ServeFlags, clap::Error> {
        Line::try_parse_from(std::iter::once("pingway").chain(line.split_whitespace())).map(|line| line.flags)
    }

    #[test]
    fn without_flags_the_settings_are_the_defaults() {
        let settings = flags("").expect("valid").settings();
        assert_eq!(format!("{settings:?}"), format!("{:?}", Settings::default()));
    }

    #[test]
    fn flags_become_settings() {
        let settings = flags(
            "--workers 3 --port-map 80=8080 --port-map 443=8443 --admin off --drain-delay 500ms --drain-deadline 1m30s \
             --allow-half-close",
        )
        .expect("valid")
        .settings();
        assert_eq!(settings.workers, 3);
        assert_eq!(settings.port_map.into_iter().collect::<Vec<_>>(), [(80, 8080), (443, 8443)]);
        assert_eq!(settings.admin, None);
        assert_eq!(settings.drain_delay, Duration::from_millis(500));
        assert_eq!(settings.drain_deadline, Duration::from_secs(90));
        assert!(!settings.abort_on_half_close);
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (line, told) in [
            ("--port-map 80", "is not FROM=TO"),
            ("--port-map 0=80", "is not FROM=TO"),
            ("--drain-delay 5", "is not a duration"),
            ("--admin 0.0.0.0:15000", "is not on loopback"),
            ("--admin here", "neither ADDRESS:PORT nor off"),
            ("--workers 0", "not in 1..=1024"),
            ("--max-connections 0", "would be zero"),
            ("--client-head-timeout 0", "no time at all"),
            ("--client-idle-timeout 0s", "no time at all"),
            ("--stream-idle-timeout 0ms", "no time at all"),
            ("--connect-timeout 0h", "no time at all"),
            ("--access-log --access-log-filter status=500", "status>=N"),
            ("--access-log-sample 5", "--access-log"),
        ] {
            let error = flags(line).expect_err(line).to_string();
            assert!(error.contains(told), "{line}: {error}");
        }
    }

    #[test]
    fn own_ports_are_reserved_unless_listeners_on_them_are_mapped_elsewhere() {
        let reserved = |line| flags(line).expect(line).options().own_ports.into_iter().collect::<Vec<_>>();
        assert_eq!(reserved(""), [15000, 15020]);
        assert_eq!(reserved("--admin off --port-map 15020=8080"), Vec::<u16>::new());
        assert_eq!(reserved("--metrics 127.0.0.1:0 --admin 127.0.0.1:0"), Vec::<u16>::new());
    }

    #[test]
    fn the_access_log_is_off_by_default() {
        assert_eq!(flags("").expect("valid").access_log(), None);
        let options = flags("--access-log --access-log-sample 10 --access-log-filter errors").expect("valid");
        let options = options.access_log().expect("on");
        assert_eq!(options.sample.get(), 10);
        assert!(options.filter.errors);
    }
}
