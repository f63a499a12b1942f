//! The EndpointSlices of one Service: most have one, so they are a list that is as long as they are, not a tree.

use std::sync::Arc;

use crate::api::{EndpointSlice, ObjectName};

/// EndpointSlices of one Service, sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Slices(Vec<(ObjectName, Arc<EndpointSlice>)>);

impl Slices {
    /// With their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectName, &Arc<EndpointSlice>)> {
        self.0.iter().map(|(name, slice)| (name, slice))
    }

    /// In the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        self.0.iter().map(|(_, slice)| slice)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, name: &ObjectName) -> bool {
        self.find(name).is_ok()
    }

    /// Puts a slice; keeps the old `Arc` where the content is equal. Answers whether anything differs.
    pub(super) fn put(&mut self, name: ObjectName, slice: Arc<EndpointSlice>) -> bool {
        match self.find(&name) {
            Ok(at) => match self.0.get_mut(at) {
                Some((_, known)) if **known != *slice => *known = slice,
                _ => return false,
            },
            Err(at) => {
                self.0.reserve_exact(1);
                self.0.insert(at, (name, slice));
            }
        }
        true
    }

    /// Answers whether it was there.
    pub(super) fn remove(&mut self, name: &ObjectName) -> bool {
        self.find(name).is_ok_and(|at| {
            self.0.remove(at);
            true
        })
    }

    fn find(&self, name: &ObjectName) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(name))
    }
}
