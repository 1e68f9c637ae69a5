// A replica is isolated, misses a proposal, and catches up.

// README begin
#include <dkv20/cluster.h>

#include <cstdio>

using dkv20::ByteString;
using dkv20::Cluster;
using dkv20::Op;

int main() {
  Cluster cluster = Cluster::New(5).value();

  if (!cluster.Partition({4}).ok()) return 1;
  const auto outcome = cluster.Propose(Op::Put(ByteString("answer"), ByteString("42")));
  if (!outcome.ok() || !outcome.value().committed) return 1;
  if (cluster.replica(4)->Get(ByteString("answer")) != nullptr) return 1;

  cluster.Heal();
  if (cluster.replica(4)->SnapshotHash() != cluster.replica(0)->SnapshotHash()) return 1;
  std::printf("%s\n", cluster.replica(4)->SnapshotHash().c_str());
  return 0;
}
// README end
