//! Which images nodes have pulled: the first pod of a role waits for it, and later ones find it there. A role has one
//! image; how long a pull takes is in `delays`.

use sparkwright::model::spark::Role;

/// By where the scheduler has the node: the roles whose images are there.
#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    pulled: Vec<Vec<Role>>,
}

impl Images {
    /// True where the image for this role is on the node; from now on it is.
    pub fn pull(&mut self, host: usize, role: Role) -> bool {
        if self.pulled.len() <= host {
            self.pulled.resize(host + 1, Vec::new());
        }
        let there = self.pulled[host].contains(&role);
        if !there {
            self.pulled[host].push(role);
        }
        there
    }

    /// A node is gone, and the images on it.
    pub fn forget(&mut self, host: usize) {
        if let Some(pulled) = self.pulled.get_mut(host) {
            pulled.clear();
        }
    }
}
