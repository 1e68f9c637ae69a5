#include "dkv20/session.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "dkv20/chaos.h"
#include "dkv20/scenario.h"
#include "dkv20/snapshot.h"
#include "dkv20/splitmix64.h"
#include "dkv20/workload.h"

namespace dkv20 {
namespace {

constexpr std::uint64_t kDrawCountMax = 1000;

// ` NAME=NUMBER`.
void AppendField(std::string_view name, std::uint64_t number, std::string& out) noexcept {
  out += ' ';
  out += name;
  out += '=';
  AppendNumber(number, out);
}

// `ok leader=L term=T`, with `none` while the current leader is isolated.
void AppendLeader(const Cluster& cluster, std::string& out) noexcept {
  out += "ok leader=";
  if (cluster.is_partitioned(cluster.leader())) {
    out += "none";
  } else {
    AppendNumber(cluster.leader(), out);
  }
  AppendField("term", cluster.term(), out);
}

void AppendProposed(const Result<Outcome>& outcome, std::string& out) noexcept {
  if (outcome.ok()) {
    AppendOutcome(outcome.value(), out);
  } else {
    AppendError(outcome.error(), out);
  }
}

// `ok`, a space, the label and the text; or the error.
void AppendResult(const Result<std::string>& result, std::string_view label,
                  std::string& out) noexcept {
  if (!result.ok()) {
    AppendError(result.error(), out);
    return;
  }
  out += "ok ";
  out += label;
  out += result.value();
}

void Status(const Cluster& cluster, std::string& out) noexcept {
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

void DescribeReplica(const Replica& replica, std::string& out) noexcept {
  out += "ok role=";
  out += RoleName(replica.role());
  AppendField("term", replica.term(), out);
  AppendField("base", replica.base(), out);
  AppendField("commit", replica.commit_index(), out);
  AppendField("last", replica.last(), out);
  AppendField("keys", replica.key_count(), out);
}

void Get(const Replica& replica, const ByteString& key, std::string& out) noexcept {
  if (auto error = CheckKeyLength(key.size())) return AppendError(*error, out);
  const ByteString* value = replica.Get(key);
  out += "ok ";
  if (value == nullptr) {
    out += "none";
  } else {
    AppendHex(value->view(), out);
  }
}

// The commands that look at one replica.
void Look(const Command& command, const Cluster& cluster, std::string& out) noexcept {
  const Replica* replica = cluster.replica(command.numbers[0]);
  if (replica == nullptr) return AppendError(ErrorCode::kUnknownReplica, out);
  switch (command.kind) {
    case CommandKind::kReplica:
      return DescribeReplica(*replica, out);
    case CommandKind::kGet:
      return Get(*replica, command.bytes, out);
    case CommandKind::kHash:
      out += "ok " + replica->SnapshotHash();
      return;
    case CommandKind::kLog:
      out += "ok " + replica->LogHash();
      return;
    case CommandKind::kDump:
      out += "ok ";
      return AppendHex(replica->DumpState(), out);
    default:
      DKV20_CHECK(false);
  }
}

void Load(std::span<const std::uint8_t> bytes, std::string& out) noexcept {
  const Result<Snapshot, LoadError> loaded = LoadState(bytes);
  if (!loaded.ok()) return AppendError(loaded.error(), out);
  const Snapshot& snapshot = loaded.value();
  out += "ok";
  AppendField("commit", snapshot.commit_index, out);
  AppendField("term", snapshot.term, out);
  AppendField("keys", snapshot.map.size(), out);
  out += " sha256=" + snapshot.SnapshotHash();
}

void Draw(std::uint64_t seed, std::uint64_t count, std::string& out) noexcept {
  if (count < 1 || count > kDrawCountMax) return AppendError(ErrorCode::kCount, out);
  SplitMix64 draws(seed);
  out += "ok";
  for (std::uint64_t i = 0; i < count; ++i) {
    out += ' ';
    AppendNumber(draws.Next(), out);
  }
}

}  // namespace

Reply Session::Run(std::string_view line, std::string& out) noexcept {
  const Result<Command> parsed = Parse(line);
  if (!parsed.ok()) {
    AppendError(parsed.error(), out);
    return Reply::kAnswer;
  }
  const Command& command = parsed.value();
  if (command.kind == CommandKind::kNothing) return Reply::kNone;
  if (!command.needs_cluster) {
    Execute(command, out);
  } else if (cluster_) {
    ExecuteOnCluster(command, out);
  } else {
    AppendError(ErrorCode::kNoCluster, out);
  }
  return command.kind == CommandKind::kQuit ? Reply::kQuit : Reply::kAnswer;
}

void Session::Execute(const Command& command, std::string& out) noexcept {
  switch (command.kind) {
    case CommandKind::kHello:
      out += "ok dkv20 1 cpp";
      return;
    case CommandKind::kNew:
      return New(command.numbers[0], out);
    case CommandKind::kLoad:
      return Load(command.bytes.view(), out);
    case CommandKind::kMix:
      out += "ok ";
      return AppendNumber(Mix(command.numbers[0]), out);
    case CommandKind::kDraw:
      return Draw(command.numbers[0], command.numbers[1], out);
    case CommandKind::kScenario:
      return AppendResult(RunScenario(command.name), "", out);
    case CommandKind::kQuit:
      out += "ok";
      return;
    default:
      DKV20_CHECK(false);
  }
}

void Session::ExecuteOnCluster(const Command& command, std::string& out) noexcept {
  switch (command.kind) {
    case CommandKind::kPropose:
      return AppendProposed(cluster_->Propose(command.op), out);
    case CommandKind::kProposeAt:
      return AppendProposed(cluster_->ProposeAt(command.numbers[0], command.op), out);
    case CommandKind::kPartition:
      return Partition(command, out);
    case CommandKind::kHeal:
      return Heal(command, out);
    case CommandKind::kCompact:
      return Compact(command, out);
    case CommandKind::kStatus:
      return Status(*cluster_, out);
    case CommandKind::kWorkload:
      return Workload(command, out);
    case CommandKind::kChaos:
      return Chaos(command, out);
    default:
      return Look(command, *cluster_, out);
  }
}

void Session::New(std::uint64_t size, std::string& out) noexcept {
  Result<Cluster> made = Cluster::New(size);
  if (!made.ok()) return AppendError(made.error(), out);
  cluster_ = std::move(made.value());
  out += "ok";
}

void Session::Partition(const Command& command, std::string& out) noexcept {
  if (auto error = cluster_->Partition(command.ids)) return AppendError(*error, out);
  AppendLeader(*cluster_, out);
}

void Session::Heal(const Command& command, std::string& out) noexcept {
  if (command.ids.empty()) {
    cluster_->Heal();
  } else if (auto error = cluster_->HealIds(command.ids)) {
    return AppendError(*error, out);
  }
  AppendLeader(*cluster_, out);
}

void Session::Compact(const Command& command, std::string& out) noexcept {
  if (command.ids.empty()) {
    cluster_->Compact();
  } else if (auto error = cluster_->CompactIds(command.ids)) {
    return AppendError(*error, out);
  }
  out += "ok";
}

void Session::Workload(const Command& command, std::string& out) noexcept {
  const auto [seed, keys, count] = command.numbers;
  const Result<WorkloadCounts> counts = RunWorkload(*cluster_, seed, keys, count);
  if (!counts.ok()) return AppendError(counts.error(), out);
  out += "ok";
  AppendField("committed", counts.value().committed, out);
  AppendField("pending", counts.value().pending, out);
  AppendField("refused", counts.value().refused, out);
}

void Session::Chaos(const Command& command, std::string& out) noexcept {
  AppendResult(RunChaos(*this, command.numbers[0], command.numbers[1]), "digest=", out);
}

namespace {

// Serve's input: lines out of what has been read.
class LineReader {
 public:
  enum class Next : std::uint8_t { kLine, kOverlongLine, kNothingYet, kEnd };

  // Takes the next line, without its LF, from what has been read; it is valid until the next
  // call of either function.
  Next Take(std::string_view& line) noexcept;
  // Reads more. Answers false where that failed.
  bool Fill(ByteSource& source) noexcept;

 private:
  static constexpr std::size_t kReadSize = 262144;

  Next EndLine(Next otherwise) noexcept {
    return std::exchange(overlong_, false) ? Next::kOverlongLine : otherwise;
  }

  std::vector<char> buffer_;
  // What has been read and not taken stands from begin_ to end_; up to scanned_ it has no LF.
  std::size_t begin_ = 0;
  std::size_t scanned_ = 0;
  std::size_t end_ = 0;
  // The line that is being read is too long; its bytes are dropped.
  bool overlong_ = false;
  bool at_end_ = false;
};

LineReader::Next LineReader::Take(std::string_view& line) noexcept {
  const void* lf =
      scanned_ == end_ ? nullptr : std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_);
  if (lf != nullptr) {
    const auto lf_at = static_cast<std::size_t>(static_cast<const char*>(lf) - buffer_.data());
    line = {buffer_.data() + begin_, lf_at - begin_};
    begin_ = scanned_ = lf_at + 1;
    return EndLine(Next::kLine);
  }
  scanned_ = end_;
  if (overlong_ || end_ - begin_ > kLineLengthMax) {
    overlong_ = true;
    begin_ = scanned_ = end_ = 0;
  }
  if (!at_end_) return Next::kNothingYet;
  if (begin_ == end_) return EndLine(Next::kEnd);
  line = {buffer_.data() + begin_, end_ - begin_};
  begin_ = end_;
  return Next::kLine;
}

bool LineReader::Fill(ByteSource& source) noexcept {
  if (begin_ > 0) {
    std::copy(buffer_.data() + begin_, buffer_.data() + end_, buffer_.data());
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + kReadSize) buffer_.resize(2 * end_ + kReadSize);
  const std::optional<std::size_t> count = source.Read(std::span(buffer_).subspan(end_, kReadSize));
  if (!count) return false;
  at_end_ = *count == 0;
  end_ += *count;
  return true;
}

// Serve's output: answers, handed on in large pieces.
class AnswerWriter {
 public:
  explicit AnswerWriter(ByteSink& sink) noexcept : sink_(sink) {}

  // Where the next answer is to be appended.
  [[nodiscard]] std::string& answers() noexcept { return answers_; }

  // Ends the answer; hands on what there is where it has become much. Answers false where that
  // failed.
  [[nodiscard]] bool EndAnswer() noexcept {
    answers_ += '\n';
    return answers_.size() < kEnough || Flush();
  }
  [[nodiscard]] bool Flush() noexcept {
    const bool good = answers_.empty() || sink_.Write(answers_);
    answers_.clear();
    return good;
  }

 private:
  static constexpr std::size_t kEnough = 65536;

  ByteSink& sink_;
  std::string answers_;
};

}  // namespace

ServeEnd Serve(ByteSource& source, ByteSink& sink) noexcept {
  using Next = LineReader::Next;
  Session session;
  LineReader reader;
  AnswerWriter writer(sink);
  std::string_view line;
  Reply reply = Reply::kNone;
  while (reply != Reply::kQuit) {
    const Next next = reader.Take(line);
    if (next == Next::kEnd) break;
    if (next == Next::kNothingYet) {
      // The caller may wait for its answers before it sends more.
      if (!writer.Flush()) return ServeEnd::kWriteFailed;
      if (!reader.Fill(source)) return ServeEnd::kReadFailed;
      continue;
    }
    reply = Reply::kAnswer;
    if (next == Next::kOverlongLine) {
      AppendError(ErrorCode::kLineLength, writer.answers());
    } else {
      reply = session.Run(line, writer.answers());
    }
    if (reply != Reply::kNone && !writer.EndAnswer()) return ServeEnd::kWriteFailed;
  }
  return writer.Flush() ? ServeEnd::kDone : ServeEnd::kWriteFailed;
}

}  // namespace dkv20
