// Five replicas, one of them cut off for a while.

// README begin
#include <dkv20/cluster.h>

#include <cstdio>

using dkv20::ByteString;
using dkv20::Cluster;
using dkv20::Op;

int main() {
  auto made = Cluster::New(5);
  if (!made.ok()) return 1;
  Cluster& cluster = made.value();

  cluster.Partition({4});
  const auto outcome = cluster.Propose(Op::Put(ByteString("answer"), ByteString("42")));
  if (!outcome.ok() || !outcome.value().committed) return 1;
  if (cluster.replica(4)->Get(ByteString("answer")) != nullptr) return 1;

  cluster.Heal();
  if (cluster.replica(4)->SnapshotHash() != cluster.replica(0)->SnapshotHash()) return 1;
  std::printf("%s\n", cluster.replica(4)->SnapshotHash().c_str());
  return 0;
}
// README end
