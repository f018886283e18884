//! Places for callers. Where all are taken, whoever comes next gets that of somebody whom the desk waits
//! for: of the address that has the most places, the one that did nothing for the longest.
//!
//! So nobody keeps others out by holding places, wherever they come from, and behind a proxy, where all
//! come from one address, those who call have their turn before those who hold on.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Places for so many.
pub(super) struct Places {
    most: usize,
    open: Mutex<Open>,
    freed: Notify,
}

#[derive(Default)]
struct Open {
    taken: HashMap<u64, Taken>,
    next: u64,
}

struct Taken {
    from: IpAddr,
    /// Whether the desk works on a call, rather than waits for the caller.
    works: bool,
    /// When the caller last had an answer, or took some of it up.
    touched: Instant,
    away: Arc<Notify>,
}

/// A place, until it is dropped or taken away.
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    away: Arc<Notify>,
}

impl Places {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most: most.max(1),
            open: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// A place for somebody from there, once there is one.
    pub async fn take(self: &Arc<Self>, from: IpAddr) -> Place {
        loop {
            if let Some(place) = self.try_take(from) {
                return place;
            }
            self.freed.notified().await;
        }
    }

    fn try_take(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let mut open = self.open();
        if open.taken.len() >= self.most {
            let id = open.least_missed()?;
            if let Some(taken) = open.taken.remove(&id) {
                taken.away.notify_one();
            }
        }
        let (id, away) = (open.next, Arc::new(Notify::new()));
        open.next += 1;
        let taken = Taken {
            from: network(from),
            works: false,
            touched: Instant::now(),
            away: Arc::clone(&away),
        };
        open.taken.insert(id, taken);
        let places = Arc::clone(self);
        Some(Place { places, id, away })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Whose place is given to another; none where the desk works for all of them.
    fn least_missed(&self) -> Option<u64> {
        let mut counts: HashMap<IpAddr, usize> = HashMap::new();
        for taken in self.taken.values() {
            *counts.entry(taken.from).or_default() += 1;
        }
        let waited_for = self.taken.iter().filter(|(_, taken)| !taken.works);
        let least = waited_for.min_by_key(|(id, taken)| {
            let others = counts.get(&taken.from).copied().unwrap_or_default();
            (usize::MAX - others, taken.touched, **id)
        });
        least.map(|(id, _)| *id)
    }
}

impl Place {
    /// Whether the desk works on a call from here.
    pub fn works(&self, works: bool) {
        if let Some(taken) = self.places.open().taken.get_mut(&self.id) {
            taken.works = works;
        }
        if !works {
            self.places.freed.notify_one();
        }
    }

    /// The caller has had an answer, or takes it up.
    pub fn touch(&self) {
        if let Some(taken) = self.places.open().taken.get_mut(&self.id) {
            taken.touched = Instant::now();
        }
    }

    /// Waits until somebody else has it.
    pub async fn taken_away(&self) {
        self.away.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open().taken.remove(&self.id);
        self.places.freed.notify_one();
    }
}

/// Who has one address of IPv6 has all of its network's.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(from) => IpAddr::V6((from.to_bits() >> 64 << 64).into()),
        from => from,
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, Places, network};
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    fn is_there(place: &Place) -> bool {
        place.places.open().taken.contains_key(&place.id)
    }

    fn take(places: &Arc<Places>, last: u8) -> Place {
        places.try_take(address(last)).unwrap()
    }

    #[test]
    fn who_has_most_and_does_nothing_makes_room() {
        let places = Places::new(4);
        let honest = take(&places, 1);
        let crowd = [2, 2, 2].map(|last| take(&places, last));
        // Had an answer since: another of the same address goes first.
        crowd[0].touch();
        let late = take(&places, 3);
        assert!(!is_there(&crowd[1]) && is_there(&crowd[0]) && is_there(&crowd[2]));
        let more = take(&places, 2);
        assert!(!is_there(&crowd[2]) && is_there(&honest) && is_there(&late));
        assert!(is_there(&crowd[0]) && is_there(&more));
    }

    #[test]
    fn whom_the_desk_works_for_keeps_the_place() {
        let places = Places::new(2);
        let first = take(&places, 1);
        first.works(true);
        let second = take(&places, 2);
        let third = take(&places, 3);
        assert!(is_there(&first) && !is_there(&second) && is_there(&third));
        third.works(true);
        assert!(places.try_take(address(4)).is_none());
        drop(first);
        assert!(places.try_take(address(4)).is_some());
        assert!(is_there(&third));
    }

    #[test]
    fn addresses_of_a_network_are_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
