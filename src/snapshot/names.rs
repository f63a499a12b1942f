//! Names of DNS: what each that an ExternalName Service goes by stood for when it was last asked.

use std::net::IpAddr;
use std::sync::Arc;

use super::Snapshot;
use crate::api::{ObjectName, Service};

/// What a name stands for, as last heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Its addresses, sorted, each once. Where it could not be asked they are those of the time before.
    pub addresses: Vec<IpAddr>,
    /// Why it has none, or why they are those of the time before.
    pub failure: Option<Arc<str>>,
}

/// The name that an ExternalName Service goes by: in lower case, without a trailing dot. `None`: it is no such Service.
pub fn external_name(service: &Service) -> Option<Arc<str>> {
    let spec = service.spec.as_ref().filter(|spec| spec.type_.as_deref() == Some("ExternalName"))?;
    let name = spec.external_name.as_deref().unwrap_or_default();
    Some(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase().into())
}

impl Snapshot {
    /// Takes in what a name stands for; answers the Services that go by it, none where nothing differs.
    pub fn hear(&mut self, name: Arc<str>, resolution: Resolution) -> Vec<ObjectName> {
        if self.names.get(&name) == Some(&resolution) {
            return Vec::new();
        }
        let goes_by = |service: &Service| external_name(service).is_some_and(|other| other == name);
        let services = self.services.iter().filter(|(_, service)| goes_by(service));
        let touched = services.map(|(service, _)| service.clone()).collect();
        self.names.insert(name, resolution);
        touched
    }
}
