//! The resolver that the system names: `/etc/resolv.conf` and `/etc/hosts`, asked in this process.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::Name;

use super::{Answer, Resolve};

/// Asks the servers that the system names. Works in a static binary, where the C library's resolver does not.
pub struct SystemResolver {
    ipv4: TokioResolver,
    ipv6: TokioResolver,
}

impl SystemResolver {
    /// Reads the system's settings, once. Errors: they cannot be read.
    pub fn new() -> Result<Self, NetError> {
        let build = |strategy| {
            let mut builder = TokioResolver::builder_tokio()?;
            let options = builder.options_mut();
            options.ip_strategy = strategy;
            // An answer is asked for again when it no longer counts, so nothing is found in a cache.
            options.cache_size = 0;
            builder.build()
        };
        Ok(Self { ipv4: build(LookupIpStrategy::Ipv4Only)?, ipv6: build(LookupIpStrategy::Ipv6Only)? })
    }
}

#[async_trait]
impl Resolve for SystemResolver {
    /// IPv4 addresses, or where the name has none its IPv6 addresses: it is one host, which counts once. The name is whole:
    /// no search domain is tried.
    async fn resolve(&self, name: &str) -> Result<Answer, String> {
        let answer = ask(&self.ipv4, name).await?;
        if answer.addresses.is_empty() { ask(&self.ipv6, name).await } else { Ok(answer) }
    }
}

async fn ask(resolver: &TokioResolver, name: &str) -> Result<Answer, String> {
    let mut whole = Name::from_ascii(name).map_err(|error| format!("it is no name: {error}"))?;
    whole.set_fqdn(true);
    match resolver.lookup_ip(whole).await {
        Ok(found) => {
            let ttl = found.valid_until().saturating_duration_since(Instant::now());
            Ok(Answer { addresses: found.iter().collect(), ttl: Some(ttl) })
        }
        Err(error) if error.is_no_records_found() => Ok(Answer { addresses: Vec::new(), ttl: negative_ttl(&error) }),
        Err(error) => Err(error.to_string()),
    }
}

/// How long it counts that there is no address (RFC 2308).
fn negative_ttl(error: &NetError) -> Option<Duration> {
    use hickory_resolver::net::DnsError;
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => none.negative_ttl.map(|ttl| Duration::from_secs(ttl.into())),
        _ => None,
    }
}
