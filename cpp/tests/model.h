// A naive model of the cluster, written from sections 2 to 5 of the definition alone. Each replica
// owns its log, a plain vector, and nothing is fast.

#ifndef DKV20_TESTS_MODEL_H_
#define DKV20_TESTS_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dkv20/cluster.h"
#include "support.h"

namespace dkv20::testing {

struct ModelEntry {
  std::uint64_t term;
  Op op;
};

struct ModelReplica {
  std::uint64_t term = 1;
  Role role = Role::kFollower;
  std::uint64_t base = 0;
  std::uint64_t base_term = 0;
  std::vector<ModelEntry> log;  // at the indexes base + 1 to Last()
  std::uint64_t commit_index = 0;
  std::map<Bytes, Bytes, UnsignedLess> map;

  [[nodiscard]] std::uint64_t Last() const { return base + log.size(); }
  [[nodiscard]] std::uint64_t LastTerm() const { return *TermAt(Last()); }
  [[nodiscard]] std::optional<std::uint64_t> TermAt(std::uint64_t index) const;
  [[nodiscard]] std::vector<ModelEntry> EntriesAfter(std::uint64_t index) const;
  std::uint64_t Append(Op op);
  void InstallSnapshot(const ModelReplica& leader);
  void TruncateAndReplay(const ModelReplica& leader, std::uint64_t agreed);
  void CommitTo(std::uint64_t index);
  void Compact();
  [[nodiscard]] Bytes DumpState() const;
  // The bytes whose SHA-256 is the log hash.
  [[nodiscard]] Bytes LogBytes() const;
};

// How often something happened that the tests must cause.
struct ModelCounts {
  int elections = 0;
  int elections_won_against_longer_log = 0;
  int truncations = 0;
  int snapshots = 0;
  int demotions = 0;
  int leaderless = 0;
  int pending = 0;
  int pending_committed = 0;
};

// The names are those of Cluster. Lists of ids must be known ids.
class Model {
 public:
  explicit Model(std::size_t size);

  Result<Outcome> Propose(const Op& op);
  Result<Outcome> ProposeAt(ReplicaId id, const Op& op);
  void Partition(const std::vector<ReplicaId>& ids);
  void HealIds(const std::vector<ReplicaId>& ids);
  void CompactIds(const std::vector<ReplicaId>& ids);

  // Fails the test unless everything that can be observed is equal.
  void ExpectSame(const Cluster& cluster) const;

  [[nodiscard]] std::size_t size() const { return replicas_.size(); }
  [[nodiscard]] std::vector<ReplicaId> all_ids() const;
  [[nodiscard]] const ModelReplica& replica(ReplicaId id) const { return replicas_[id]; }
  [[nodiscard]] const ModelCounts& counts() const { return counts_; }

 private:
  [[nodiscard]] bool IsIsolated(ReplicaId id) const { return isolated_.contains(id); }
  [[nodiscard]] std::vector<ReplicaId> Reachable() const;
  [[nodiscard]] bool HasQuorum() const { return Reachable().size() >= size() / 2 + 1; }
  void Settle();
  void Elect();
  void StepDown(ModelReplica& replica);
  void CatchUp(ModelReplica& replica);

  std::vector<ModelReplica> replicas_;
  std::set<ReplicaId> isolated_;
  ReplicaId leader_ = 0;
  std::uint64_t term_ = 1;
  ModelCounts counts_;
};

}  // namespace dkv20::testing

#endif  // DKV20_TESTS_MODEL_H_
