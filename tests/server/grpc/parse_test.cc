#include "server/grpc/parse.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/v1/cache.pb.h"
#include "nearhit/v1/vectors.pb.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

constexpr const char* kBad = "caf\xe9";  // Latin-1

template <typename Message>
Status ParseOf(const std::string& bytes, Message* out) {
  const grpc::Slice slice(bytes);
  grpc::ByteBuffer buffer(&slice, 1);
  return Parse(&buffer, out);
}

// Serializing only warns of texts that are not UTF-8.
TEST(Parse, SaysWhichTextIsNotUtf8) {
  v1::LookupBatchRequest request;
  request.set_namespace_("faq");
  request.add_prompts()->set_slot("fine");
  request.add_prompts()->set_slot(kBad);
  v1::LookupBatchRequest out;
  EXPECT_THAT(
      ParseOf(request.SerializeAsString(), &out),
      StatusIs(StatusCode::kInvalidArgument, "prompts[1].slot of 4 bytes is not valid UTF-8"));
  v1::DeleteVectorsRequest keys;
  keys.add_keys("a");
  keys.add_keys(kBad);
  v1::DeleteVectorsRequest keys_out;
  EXPECT_THAT(ParseOf(keys.SerializeAsString(), &keys_out),
              StatusIs(StatusCode::kInvalidArgument, "keys[1] of 4 bytes is not valid UTF-8"));
}

TEST(Parse, SaysWhatCannotBeRead) {
  v1::LookupRequest out;
  EXPECT_THAT(ParseOf("\xff\xff\xff", &out),
              StatusIs(StatusCode::kInvalidArgument,
                       "the message of 3 bytes cannot be read as nearhit.v1.LookupRequest"));
}

TEST(Parse, ReadsWhatIsRight) {
  v1::LookupRequest request;
  request.mutable_prompt()->set_slot("caf\xc3\xa9");
  request.mutable_prompt()->set_scope(kBad);  // bytes
  v1::LookupRequest out;
  EXPECT_THAT(ParseOf(request.SerializeAsString(), &out), IsOk());
  EXPECT_EQ(out.prompt().slot(), request.prompt().slot());
  EXPECT_THAT(ParseOf("", &out), IsOk());
}

}  // namespace
}  // namespace nearhit::server
