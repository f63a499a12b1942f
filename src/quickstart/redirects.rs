//! Redirects that name a port: once the listeners are open, they name the ports that are really open.

use std::sync::Arc;

use crate::api::HttpRoute;
use crate::snapshot::{Change, Item};

/// The routes among the objects whose redirects name a port that is really another, as they are to be. `actual`: where a port
/// that the manifests name is open.
pub fn redirects(objects: &[Change], actual: impl Fn(u16) -> u16) -> Vec<Change> {
    let routes = objects.iter().filter_map(|change| match change {
        Change::Put(Item::HttpRoute(route)) => Some(route),
        Change::Put(_) | Change::Remove(_) => None,
    });
    let moved = routes.filter_map(|route| {
        let mut moved = HttpRoute::clone(route);
        let filters = moved.spec.rules.iter_mut().flatten().flat_map(|rule| &mut rule.filters);
        for port in filters.filter_map(|filter| filter.request_redirect.as_mut()?.port.as_mut()) {
            *port = u16::try_from(*port).map_or(*port, |declared| actual(declared).into());
        }
        (moved != **route).then(|| Change::Put(Item::HttpRoute(Arc::new(moved))))
    });
    moved.collect()
}
