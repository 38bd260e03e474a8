// JSON of answers: read with limits, compared, and joined from pieces without losing any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "nearhit/result.h"

namespace nearhit::server {

// Objects keep the order of their members.
using AnswerJson = nlohmann::ordered_json;

// Levels of arrays and objects. An event may hold a whole body, so it may be deeper.
inline constexpr std::size_t kMaxEventDepth = 64;
inline constexpr std::size_t kMaxBodyDepth = 60;
// Members of one object: they are searched in order.
inline constexpr std::size_t kMaxMembers = 1024;

// Parses a whole text.
//
// Errors: kInvalidArgument for what is not JSON in UTF-8, a key that is there twice in one object,
// an integer of more than 64 bits, or more than kMaxMembers or `max_depth`.
Result<AnswerJson> ParseAnswerJson(std::string_view text, std::size_t max_depth);

// Never throws: bytes that are not UTF-8 are replaced.
std::string DumpJson(const AnswerJson& value);

// Levels of arrays and objects in `value`; 0 for any other.
std::size_t JsonDepth(const AnswerJson& value);

// Equal but for the order of members.
bool SameJson(const AnswerJson& a, const AnswerJson& b);

// Null when `object` is none or has no such member.
const AnswerJson* FindMember(const AnswerJson& object, std::string_view key);
// The same, but also null when the member is null.
const AnswerJson* FindValue(const AnswerJson& object, std::string_view key);
// Empty when the member is missing or no string. Valid as long as `object`.
std::string_view FindText(const AnswerJson& object, std::string_view key);
// 0 when the member is missing or no number that is an integer and not negative.
std::uint64_t FindCount(const AnswerJson& object, std::string_view key);

// null, "", [] or {}.
bool SaysNothing(const AnswerJson& value);
// Neither missing, nor null, "", [], {}, false or 0.
bool HasTruth(const AnswerJson& object, std::string_view key);

// A member that several pieces may repeat: what says nothing gives way to what says something.
//
// Errors: kFailedPrecondition when two pieces differ, or both have an array with items, which might
// belong behind each other, or `object` has kMaxMembers already. It is then as before.
Status KeepMember(AnswerJson* object, const std::string& key, const AnswerJson& value);
// A member whose pieces belong behind each other. null gives way to the others.
//
// Errors: kFailedPrecondition when `value` is neither null nor a string (an array), or what was
// there before is not, or `object` has kMaxMembers already. It is then as before.
Status JoinText(AnswerJson* object, const std::string& key, const AnswerJson& value);
Status JoinArray(AnswerJson* object, const std::string& key, const AnswerJson& value);

}  // namespace nearhit::server
