//! The bytes of one simulated file, as programs see them and as a power failure would leave them.

const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// Whether anything may have to be written by the next sync.
    is_pending: bool,
    /// A failed sync has dropped these sectors: no later sync writes them.
    dropped: Vec<bool>,
    /// Counts changes, in place of a time of modification.
    pub(super) changes: u64,
}

impl Content {
    pub(super) fn durable(bytes: Vec<u8>) -> Self {
        Self {
            durable: bytes.clone(),
            seen: bytes,
            ..Self::default()
        }
    }

    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    fn change(&mut self) {
        self.is_pending = true;
        self.changes += 1;
    }

    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.change();
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        let sectors = offset / SECTOR..end.div_ceil(SECTOR);
        let dropped = self.dropped.iter_mut();
        for dropped in dropped.take(sectors.end).skip(sectors.start) {
            *dropped = false;
        }
    }

    pub(super) fn allocate(&mut self, size: usize) {
        self.change();
        self.seen.resize(self.seen.len().max(size), 0);
    }

    pub(super) fn truncate(&mut self, size: usize) {
        self.change();
        self.seen.resize(size, 0);
    }

    fn sectors(&self) -> usize {
        self.seen.len().max(self.durable.len()).div_ceil(SECTOR)
    }

    pub(super) fn sync(&mut self) {
        if self.is_pending {
            self.settle(|_| true);
            self.is_pending = false;
        }
    }

    /// Makes the pending sectors that `survives` names durable, and the size.
    fn settle(&mut self, mut survives: impl FnMut(usize) -> bool) {
        let sectors = self.sectors();
        self.durable.resize(self.seen.len(), 0);
        self.dropped.resize(sectors, false);
        for sector in 0..sectors {
            let start = sector * SECTOR;
            let end = (start + SECTOR).min(self.seen.len());
            if start < end
                && self.seen[start..end] != self.durable[start..end]
                && !self.dropped[sector]
                && survives(sector)
            {
                self.durable[start..end].copy_from_slice(&self.seen[start..end]);
            }
        }
    }

    pub(super) fn lose_power(&mut self, random: &mut impl FnMut() -> bool) {
        if self.is_pending || !self.dropped.is_empty() {
            if random() {
                // The new size reached the disk.
                self.settle(|_| random());
            }
            self.seen = self.durable.clone();
        }
        self.dropped.clear();
        self.is_pending = false;
    }

    pub(super) fn fail_sync(&mut self) {
        let sectors = self.sectors();
        self.dropped.resize(sectors, false);
        let mut durable = self.durable.clone();
        durable.resize(self.seen.len(), 0);
        for sector in 0..sectors {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(self.seen.len());
            if !range.is_empty() && self.seen[range.clone()] != durable[range] {
                self.dropped[sector] = true;
            }
        }
    }
}
