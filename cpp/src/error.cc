#include "dkv20/error.h"

namespace dkv20 {

std::string_view ErrorName(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kReplicaCount:
      return "replica-count";
    case ErrorCode::kKeyLength:
      return "key-length";
    case ErrorCode::kValueLength:
      return "value-length";
    case ErrorCode::kUnknownReplica:
      return "unknown-replica";
    case ErrorCode::kNoLeader:
      return "no-leader";
    case ErrorCode::kNotLeader:
      return "not-leader";
    case ErrorCode::kTruncated:
      return "truncated";
    case ErrorCode::kBadMagic:
      return "bad-magic";
    case ErrorCode::kBadVersion:
      return "bad-version";
    case ErrorCode::kBadTerm:
      return "bad-term";
    case ErrorCode::kBadCount:
      return "bad-count";
    case ErrorCode::kKeyOrder:
      return "key-order";
    case ErrorCode::kTrailingBytes:
      return "trailing-bytes";
    case ErrorCode::kKeySpace:
      return "key-space";
    case ErrorCode::kCount:
      return "count";
    case ErrorCode::kUnknownScenario:
      return "unknown-scenario";
    case ErrorCode::kDiverged:
      return "diverged";
    case ErrorCode::kLineLength:
      return "line-length";
    case ErrorCode::kUnknownCommand:
      return "unknown-command";
    case ErrorCode::kSyntax:
      return "syntax";
    case ErrorCode::kNoCluster:
      return "no-cluster";
  }
  return "";  // No other value is ever made; a compiler cannot know.
}

}  // namespace dkv20
