// Invariants that are checked in every build.
//
// DKV20_CHECK is kept in Release: an invariant of the state machine that no longer holds means
// that replicas may drift apart in silence, and ending the process is the smaller evil. Its
// condition is always evaluated, exactly once, so it is the same program in every build type.

#ifndef DKV20_CHECK_H_
#define DKV20_CHECK_H_

namespace dkv20::internal {

// Writes one line that names the condition and where it stands, and ends the process.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line) noexcept;

}  // namespace dkv20::internal

#define DKV20_CHECK(condition)        \
  ((condition) ? static_cast<void>(0) \
               : ::dkv20::internal::CheckFailed(#condition, __FILE__, __LINE__))

#endif  // DKV20_CHECK_H_
