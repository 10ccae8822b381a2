//! Whether another autoscaler is installed beside us, as the API server's list of API groups tells it. Every
//! account may read that list.

use super::heard::Heard;
use super::world::World;

/// The API group of Karpenter's NodePools.
const KARPENTER: &str = "karpenter.sh";

/// Looks once, and tells the loop.
pub async fn look(world: World) {
    match world.client.list_api_groups().await {
        Ok(list) => {
            let there = list.groups.iter().any(|group| group.name == KARPENTER);
            world.tell(Heard::OtherAutoscaler(there)).await;
        }
        Err(error) => tracing::debug!(%error, "API groups cannot be listed; asked again"),
    }
}
