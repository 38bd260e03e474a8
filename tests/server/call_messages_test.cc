#include "server/arena_messages.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "nearhit/v1/cache.pb.h"

namespace nearhit::server {
namespace {

using LookupMessages = ArenaMessages<v1::LookupRequest, v1::LookupResponse>;
using Holder = grpc::MessageHolder<v1::LookupRequest, v1::LookupResponse>;

// Longer than the block of a call.
const std::string& LongText() {
  static const std::string text(10'000, 'x');
  return text;
}

void Fill(Holder* holder) {
  holder->request()->mutable_prompt()->set_slot(LongText());
  holder->request()->mutable_prompt()->set_vector(LongText());
  holder->response()->mutable_result()->set_answer(LongText());
  for (int i = 0; i < 1'000; ++i) {
    holder->response()->mutable_result()->mutable_metadata()->add_tags("tag");
  }
}

TEST(ArenaMessages, MessagesComeEmptyFromUsedBlocks) {
  LookupMessages messages;
  Holder* const first = messages.AllocateMessages();
  Fill(first);
  const void* const place = first->request();
  first->Release();
  Holder* const second = messages.AllocateMessages();
  EXPECT_EQ(static_cast<const void*>(second->request()), place);
  EXPECT_EQ(second->request()->ByteSizeLong(), 0U);
  EXPECT_EQ(second->response()->ByteSizeLong(), 0U);
  second->Release();
}

// More at once than are kept; the rest is freed, which leak checks see.
TEST(ArenaMessages, ManyCallsAtOnceHaveMessagesOfTheirOwn) {
  LookupMessages messages;
  std::vector<Holder*> calls(400);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    calls[i] = messages.AllocateMessages();
    calls[i]->request()->set_namespace_(std::to_string(i));
    Fill(calls[i]);
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(calls[i]->request()->namespace_(), std::to_string(i));
    EXPECT_EQ(calls[i]->request()->prompt().vector(), LongText());
    calls[i]->Release();
  }
}

}  // namespace
}  // namespace nearhit::server
