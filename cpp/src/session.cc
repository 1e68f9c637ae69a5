#include "dkv20/session.h"

#include <span>
#include <utility>
#include <vector>

#include "chaos.h"
#include "check.h"
#include "dkv20/limits.h"
#include "dkv20/scenario.h"
#include "dkv20/snapshot.h"
#include "dkv20/splitmix64.h"
#include "dkv20/workload.h"
#include "protocol.h"
#include "sha256.h"

namespace dkv20 {
namespace {

// ` NAME=NUMBER`.
void AppendField(std::string_view name, std::uint64_t number, std::string& out) noexcept {
  out += ' ';
  out += name;
  out += '=';
  AppendNumber(number, out);
}

// `ok leader=L term=T`, with `none` for L if the current leader is isolated.
void AppendLeader(const Cluster& cluster, std::string& out) noexcept {
  out += "ok leader=";
  if (const auto leader = cluster.reachable_leader()) {
    AppendNumber(*leader, out);
  } else {
    out += "none";
  }
  AppendField("term", cluster.term(), out);
}

void AppendStatus(const Cluster& cluster, std::string& out) noexcept {
  AppendLeader(cluster, out);
  AppendField("quorum", cluster.quorum(), out);
  out += " isolated=";
  const std::vector<ReplicaId> ids = cluster.isolated_ids();
  if (ids.empty()) out += "none";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out += ',';
    AppendNumber(ids[i], out);
  }
}

void AppendReplica(const Replica& replica, std::string& out) noexcept {
  out += "ok role=";
  out += RoleName(replica.role());
  AppendField("term", replica.term(), out);
  AppendField("base", replica.base(), out);
  AppendField("commit", replica.commit_index(), out);
  AppendField("last", replica.last(), out);
  AppendField("keys", replica.key_count(), out);
}

Status AppendValue(const Replica& replica, const ByteString& key, std::string& out) noexcept {
  if (const Status status = CheckKeyLength(key.size()); !status.ok()) return status;
  const ByteString* value = replica.Get(key);
  out += "ok ";
  if (value == nullptr) {
    out += "none";
  } else {
    AppendHex(value->view(), out);
  }
  return {};
}

void AppendLoaded(std::span<const std::uint8_t> bytes, std::string& out) noexcept {
  const Result<Snapshot, LoadError> loaded = LoadState(bytes);
  if (!loaded.ok()) {
    AppendError(loaded.error(), out);
    return;
  }
  const Snapshot& snapshot = loaded.value();
  out += "ok";
  AppendField("commit", snapshot.commit_index(), out);
  AppendField("term", snapshot.term(), out);
  AppendField("keys", snapshot.key_count(), out);
  out += " sha256=" + snapshot.SnapshotHash();
}

Status AppendDraws(std::uint64_t seed, std::uint64_t count, std::string& out) noexcept {
  if (count < 1 || count > kDrawCountMax) return ErrorCode::kCount;
  SplitMix64 draws(seed);
  out += "ok";
  for (std::uint64_t i = 0; i < count; ++i) {
    out += ' ';
    AppendNumber(draws.Next(), out);
  }
  return {};
}

Status AppendProposed(const Result<Outcome>& outcome, std::string& out) noexcept {
  if (!outcome.ok()) return outcome.error();
  AppendOutcome(outcome.value(), out);
  return {};
}

Status AppendWorkload(Cluster& cluster, const Command& command, std::string& out) noexcept {
  const auto [seed, keys, count] = command.numbers;
  const Result<WorkloadCounts> counts = RunWorkload(cluster, seed, keys, count);
  if (!counts.ok()) return counts.error();
  out += "ok";
  AppendField("committed", counts.value().committed, out);
  AppendField("pending", counts.value().pending, out);
  AppendField("refused", counts.value().refused, out);
  return {};
}

Status AppendScenario(std::string_view name, std::string& out) noexcept {
  const Result<std::string> hash = RunScenario(name);
  if (!hash.ok()) return hash.error();
  out += "ok " + hash.value();
  return {};
}

// Runs a command that changes the set of isolated replicas.
Status AppendIsolated(Cluster& cluster, const Command& command, std::string& out) noexcept {
  Status status;
  if (command.kind == CommandKind::kPartition) {
    status = cluster.Partition(command.ids);
  } else if (command.ids.empty()) {
    cluster.Heal();
  } else {
    status = cluster.HealIds(command.ids);
  }
  if (status.ok()) AppendLeader(cluster, out);
  return status;
}

Status AppendCompacted(Cluster& cluster, const Command& command, std::string& out) noexcept {
  Status status;
  if (command.ids.empty()) {
    cluster.Compact();
  } else {
    status = cluster.CompactIds(command.ids);
  }
  if (status.ok()) out += "ok";
  return status;
}

// Runs a command that reads one replica.
Status AppendRead(const Cluster& cluster, const Command& command, std::string& out) noexcept {
  const Replica* replica = cluster.replica(command.numbers[0]);
  if (replica == nullptr) return ErrorCode::kUnknownReplica;
  switch (command.kind) {
    case CommandKind::kReplica:
      AppendReplica(*replica, out);
      return {};
    case CommandKind::kGet:
      return AppendValue(*replica, command.bytes, out);
    case CommandKind::kHash:
      out += "ok " + replica->SnapshotHash();
      return {};
    case CommandKind::kLog:
      out += "ok " + replica->LogHash();
      return {};
    case CommandKind::kDump:
      out += "ok ";
      AppendHex(replica->DumpState(), out);
      return {};
    default:
      DKV20_CHECK(false);
  }
}

}  // namespace

bool Session::RunLine(std::string_view line, std::string& out) noexcept {
  if (has_quit_) return false;
  const Result<Command> parsed = Parse(line);
  if (!parsed.ok()) {
    AppendError(parsed.error(), out);
    return true;
  }
  const Command& command = parsed.value();
  if (command.kind == CommandKind::kNothing) return false;
  const Status status = command.needs_cluster ? RunOnCluster(command, out) : Run(command, out);
  if (!status.ok()) AppendError(status.code(), out);
  return true;
}

Status Session::Run(const Command& command, std::string& out) noexcept {
  switch (command.kind) {
    case CommandKind::kHello:
      out += "ok dkv20 1 cpp";
      return {};
    case CommandKind::kNew: {
      Result<Cluster> cluster = Cluster::New(command.numbers[0]);
      if (!cluster.ok()) return cluster.error();
      cluster_ = std::move(cluster).value();
      out += "ok";
      return {};
    }
    case CommandKind::kLoad:
      AppendLoaded(command.bytes.view(), out);
      return {};
    case CommandKind::kMix:
      out += "ok ";
      AppendNumber(Mix(command.numbers[0]), out);
      return {};
    case CommandKind::kDraw:
      return AppendDraws(command.numbers[0], command.numbers[1], out);
    case CommandKind::kScenario:
      return AppendScenario(command.name, out);
    case CommandKind::kQuit:
      has_quit_ = true;
      out += "ok";
      return {};
    default:
      DKV20_CHECK(false);
  }
}

Status Session::RunOnCluster(const Command& command, std::string& out) noexcept {
  if (!cluster_) return ErrorCode::kNoCluster;
  switch (command.kind) {
    case CommandKind::kPropose:
      return AppendProposed(cluster_->Propose(command.op), out);
    case CommandKind::kProposeAt:
      return AppendProposed(cluster_->ProposeAt(command.numbers[0], command.op), out);
    case CommandKind::kPartition:
    case CommandKind::kHeal:
      return AppendIsolated(*cluster_, command, out);
    case CommandKind::kCompact:
      return AppendCompacted(*cluster_, command, out);
    case CommandKind::kStatus:
      AppendStatus(*cluster_, out);
      return {};
    case CommandKind::kWorkload:
      return AppendWorkload(*cluster_, command, out);
    case CommandKind::kChaos:
      return RunChaos(command.numbers[0], command.numbers[1], out);
    default:
      return AppendRead(*cluster_, command, out);
  }
}

// The digest is the SHA-256 of the trace that the lines and their answers make (section 10).
Status Session::RunChaos(std::uint64_t seed, std::uint64_t steps, std::string& out) noexcept {
  if (steps > kChaosStepsMax) return ErrorCode::kCount;
  constexpr std::size_t kHashedAtOnce = 16384;
  ChaosLines lines(seed, steps);
  Sha256 hash;
  std::string text;
  for (std::string line; lines.Next(*cluster_, line); line.clear()) {
    text += "> ";
    text += line;
    text += "\n< ";
    RunLine(line, text);
    text += '\n';
    if (text.size() < kHashedAtOnce) continue;
    hash.Update(text);
    text.clear();
  }
  hash.Update(text);
  out += "ok digest=" + hash.FinishHex();
  return {};
}

Result<std::string> RunScenario(std::string_view name) noexcept {
  const std::string_view script = ScenarioScript(name);
  if (script.empty()) return ErrorCode::kUnknownScenario;
  return RunScript(script);
}

Result<std::string> RunScript(std::string_view script) noexcept {
  Session session;
  while (!script.empty()) {
    const std::string_view line = script.substr(0, script.find('\n'));
    script.remove_prefix(line.size() + 1);
    std::string answer;
    session.RunLine(line, answer);
    if (!answer.starts_with("ok")) return ErrorCode::kDiverged;
  }
  const Cluster* cluster = session.cluster();
  if (cluster == nullptr) return ErrorCode::kDiverged;
  std::string hash = cluster->replica(0)->SnapshotHash();
  for (ReplicaId id = 1; id < cluster->size(); ++id) {
    if (cluster->replica(id)->SnapshotHash() != hash) return ErrorCode::kDiverged;
  }
  return hash;
}

}  // namespace dkv20
