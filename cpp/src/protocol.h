// The syntax of command lines and answers (definition, section 8). Session runs the commands.
//
// Lines are bytes, not text. They are string_views because most of their bytes are ASCII.

#ifndef DKV20_PROTOCOL_H_
#define DKV20_PROTOCOL_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dkv20/byte_string.h"
#include "dkv20/cluster.h"
#include "dkv20/error.h"
#include "dkv20/op.h"

namespace dkv20 {

// kPropose and kProposeAt stand for noop, put and del.
enum class CommandKind : std::uint8_t {
  kNothing,  // a line without tokens or a comment, which gets no answer
  kHello,
  kNew,
  kPropose,
  kProposeAt,
  kPartition,
  kHeal,
  kCompact,
  kStatus,
  kReplica,
  kGet,
  kHash,
  kDump,
  kLog,
  kLoad,
  kMix,
  kDraw,
  kWorkload,
  kChaos,
  kScenario,
  kQuit,
};

// A parsed line. Which members are used depends on `kind`.
struct Command {
  CommandKind kind = CommandKind::kNothing;
  // Whether the definition marks the command with *.
  bool needs_cluster = false;
  // The numbers of the line, in order. An ID comes first.
  std::array<std::uint64_t, 3> numbers = {};
  // The op of kPropose and kProposeAt, which may exceed its limits.
  Op op;
  // The KEY of kGet or the BYTES of kLoad.
  ByteString bytes;
  // The ids of kPartition, kHeal and kCompact.
  std::vector<ReplicaId> ids;
  // The NAME of kScenario, part of the line that was parsed.
  std::string_view name;
};

// Parses a line. Errors, in this order: kLineLength, kUnknownCommand, kSyntax.
[[nodiscard]] Result<Command> Parse(std::string_view line) noexcept;

// These append to an answer or a command line.

// The number in decimal.
void AppendNumber(std::uint64_t number, std::string& out) noexcept;
// `0x` and lower-case hex.
void AppendHex(std::span<const std::uint8_t> bytes, std::string& out) noexcept;
// `noop`, `put KEY VALUE` or `del KEY`, with byte strings in hex.
void AppendOp(const Op& op, std::string& out) noexcept;
// `ok committed index=I term=T` or `ok pending index=I term=T`.
void AppendOutcome(const Outcome& outcome, std::string& out) noexcept;
// `err CODE`, and ` offset=O` for a LoadError.
void AppendError(ErrorCode code, std::string& out) noexcept;
void AppendError(const LoadError& error, std::string& out) noexcept;

}  // namespace dkv20

#endif  // DKV20_PROTOCOL_H_
