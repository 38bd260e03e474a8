#include "server/grpc/call_messages.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nearhit/v1/cache.pb.h"
#include "tests/support/status_matchers.h"

namespace nearhit::server {
namespace {

using LookupMessages = CallMessages<v1::LookupRequest, v1::LookupResponse>;
using Holder = LookupMessages::Holder;

// Longer than the block of a call.
const std::string& LongText() {
  static const std::string text(10'000, 'x');
  return text;
}

Holder* Allocate(LookupMessages* messages) {
  return static_cast<Holder*>(messages->AllocateMessages());
}

grpc::ByteBuffer ToBytes(const google::protobuf::Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return {&slice, 1};
}

void Fill(Holder* holder, const std::string& name) {
  v1::LookupRequest request;
  request.set_namespace_(name);
  request.mutable_prompt()->set_slot(LongText());
  request.mutable_prompt()->set_vector(LongText());
  *holder->request() = ToBytes(request);
  EXPECT_THAT(holder->ParseRequest(), IsOk());
  EXPECT_EQ(holder->request_bytes(), request.ByteSizeLong());
  holder->response()->mutable_result()->set_answer(LongText());
  for (int i = 0; i < 1'000; ++i) {
    holder->response()->mutable_result()->mutable_metadata()->add_tags("tag");
  }
}

TEST(CallMessages, MessagesComeEmptyFromUsedBlocks) {
  LookupMessages messages;
  Holder* const first = Allocate(&messages);
  Fill(first, "a");
  const void* const place = first->parsed();
  first->Release();
  Holder* const second = Allocate(&messages);
  EXPECT_EQ(static_cast<const void*>(second->parsed()), place);
  EXPECT_EQ(second->parsed()->ByteSizeLong(), 0U);
  EXPECT_EQ(second->request()->Length(), 0U);
  EXPECT_EQ(second->response()->ByteSizeLong(), 0U);
  second->Release();
}

// More at once than are kept; the rest is freed, which leak checks see.
TEST(CallMessages, ManyCallsAtOnceHaveMessagesOfTheirOwn) {
  LookupMessages messages;
  std::vector<Holder*> calls(400);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    calls[i] = Allocate(&messages);
    Fill(calls[i], std::to_string(i));
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(calls[i]->parsed()->namespace_(), std::to_string(i));
    EXPECT_EQ(calls[i]->parsed()->prompt().vector(), LongText());
    calls[i]->Release();
  }
}

TEST(CallMessages, AnAnswerCountsUntilItsCallIsOver) {
  AnswerBudget budget(1'000);
  LookupMessages messages;
  Holder* const call = Allocate(&messages);
  EXPECT_THAT(budget.Check(), IsOk());
  Fill(call, "a");
  call->CountAnswer(&budget);
  EXPECT_EQ(budget.held(), call->response()->ByteSizeLong());
  EXPECT_THAT(budget.Check(),
              StatusIs(StatusCode::kResourceExhausted, testing::HasSubstr("the limit is 1000")));
  call->Release();
  EXPECT_EQ(budget.held(), 0U);
  EXPECT_GT(budget.TakeReleased(), 10'000U);
  EXPECT_EQ(budget.TakeReleased(), 0U);
  EXPECT_THAT(budget.Check(), IsOk());
}

}  // namespace
}  // namespace nearhit::server
