//! Where in a list something with a hash lies: open addressing, one step after the other, and never more than
//! half full. It knows hashes and places, and asks whoever owns the list whether the one found is the one sought.

/// Places by hash.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// None, or a power of two.
    buckets: Vec<Bucket>,
    taken: usize,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    hash: u32,
    place: u32,
}

const FREE: Bucket = Bucket {
    hash: 0,
    place: u32::MAX,
};
const FEWEST: usize = 32;

impl Index {
    /// True where nothing was ever added.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The place of one with this hash that is the one sought: nearly always the first with as many bits of it.
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let hash = low(hash);
        let (at, place) = self.next(wide(hash), hash)?;
        if is_it(place) {
            Some(place)
        } else {
            self.find_beyond(at, hash, is_it)
        }
    }

    #[cold]
    fn find_beyond(&self, at: usize, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mut at = at;
        loop {
            let (next, place) = self.next(at + 1, hash)?;
            if is_it(place) {
                return Some(place);
            }
            at = next;
        }
    }

    /// The next bucket of this hash from one on, and its place.
    #[inline]
    fn next(&self, from: usize, hash: u32) -> Option<(usize, usize)> {
        let mask = self.mask();
        let mut at = from & mask;
        while let Some(bucket) = self.buckets.get(at)
            && !bucket.is_free()
        {
            if bucket.hash == hash {
                return Some((at, wide(bucket.place)));
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// One more.
    pub fn add(&mut self, hash: u64, place: usize) {
        if self.taken * 2 >= self.buckets.len() {
            self.grow();
        }
        let place = u32::try_from(place).expect("a table of fewer than four thousand million");
        self.taken += 1;
        self.put(Bucket {
            hash: low(hash),
            place,
        });
    }

    /// One less: those after it that are not where their hash would have them step back.
    pub fn remove(&mut self, hash: u64, place: usize) {
        let mask = self.mask();
        let mut hole = self.bucket_of(low(hash), place);
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let bucket = self.buckets[next];
            if bucket.is_free() {
                break;
            }
            let strayed = next.wrapping_sub(wide(bucket.hash)) & mask;
            if strayed >= next.wrapping_sub(hole) & mask {
                self.buckets[hole] = bucket;
                hole = next;
            }
        }
        self.buckets[hole] = FREE;
        self.taken -= 1;
    }

    /// One has another place.
    pub fn moves(&mut self, hash: u64, from: usize, to: usize) {
        let at = self.bucket_of(low(hash), from);
        self.buckets[at].place = u32::try_from(to).expect("it was less than that");
    }

    fn bucket_of(&self, hash: u32, place: usize) -> usize {
        let mask = self.mask();
        let mut at = wide(hash) & mask;
        while wide(self.buckets[at].place) != place {
            at = (at + 1) & mask;
        }
        at
    }

    fn put(&mut self, bucket: Bucket) {
        let mask = self.mask();
        let mut at = wide(bucket.hash) & mask;
        while !self.buckets[at].is_free() {
            at = (at + 1) & mask;
        }
        self.buckets[at] = bucket;
    }

    #[cold]
    fn grow(&mut self) {
        let more = (self.buckets.len() * 2).max(FEWEST);
        let old = std::mem::replace(&mut self.buckets, vec![FREE; more]);
        for bucket in old.into_iter().filter(|bucket| !bucket.is_free()) {
            self.put(bucket);
        }
    }

    #[inline]
    fn mask(&self) -> usize {
        self.buckets.len().wrapping_sub(1)
    }
}

impl Bucket {
    #[inline]
    fn is_free(self) -> bool {
        self.place == u32::MAX
    }
}

/// The part of a hash by which an index sorts.
#[inline]
fn low(hash: u64) -> u32 {
    u32::try_from(hash & u64::from(u32::MAX)).expect("32 bits")
}

#[inline]
fn wide(number: u32) -> usize {
    usize::try_from(number).expect("addresses are no narrower")
}
