//! How many pods there are of each kind. An application has a handful of kinds, so that a list is looked
//! through sooner than a tree is searched.

use crate::model::spark::PodTemplate;

use super::app::slot_of;
use super::event::Slot;

/// Counts by kind; what is not counted is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// No slot twice, and none of which there are none.
    slots: Vec<(Slot, u32)>,
}

impl Counts {
    /// How many there are of a template's kind.
    pub fn of(&self, template: &PodTemplate) -> u32 {
        let place = self.place(template);
        place.map_or(0, |place| self.slots[place].1)
    }

    /// True where there are none at all.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Kinds, and how many there are of each.
    pub fn iter(&self) -> impl Iterator<Item = (&Slot, u32)> {
        self.slots.iter().map(|(slot, count)| (slot, *count))
    }

    /// One more.
    pub(super) fn add(&mut self, template: &PodTemplate) {
        match self.place(template) {
            Some(place) => self.slots[place].1 += 1,
            None => self.slots.push((slot_of(template), 1)),
        }
    }

    /// One less.
    pub(super) fn take(&mut self, template: &PodTemplate) {
        let Some(place) = self.place(template) else {
            return;
        };
        self.slots[place].1 -= 1;
        if self.slots[place].1 == 0 {
            self.slots.swap_remove(place);
        }
    }

    #[inline]
    fn place(&self, template: &PodTemplate) -> Option<usize> {
        let mut slots = self.slots.iter();
        slots.position(|(slot, _)| slot.is_of(template))
    }
}

impl FromIterator<(Slot, u32)> for Counts {
    fn from_iter<I: IntoIterator<Item = (Slot, u32)>>(counts: I) -> Self {
        let counted = counts.into_iter().filter(|(_, count)| *count > 0);
        Counts {
            slots: counted.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::resources::{Bytes, Cpu, Resources};
    use crate::model::spark::Role;

    use super::*;

    #[test]
    fn pods_of_one_role_and_request_are_counted_together() {
        let of = |role, cores| {
            let requests = Resources::pod(Cpu::from_cores(cores), Bytes::from_mib(1));
            PodTemplate::plain(role, None, "default", requests)
        };
        let (small, large) = (of(Role::Executor, 1), of(Role::Executor, 2));
        let mut counts = Counts::default();
        let own = PodTemplate {
            priority: 1,
            ..small.clone()
        };
        for template in [&small, &large, &own] {
            counts.add(template);
        }
        assert_eq!([counts.of(&small), counts.of(&large)], [2, 1]);
        assert_eq!(counts.of(&of(Role::Driver, 1)), 0);
        counts.take(&large);
        counts.take(&large);
        assert_eq!([counts.of(&large), counts.of(&small)], [0, 2]);
        assert_eq!(counts.iter().count(), 1);
    }
}
