// ns reembed: another embedder, and waiting for it.
#include <chrono>
#include <memory>
#include <thread>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/namespace_flags.h"
#include "cli/output.h"
#include "cli/progress.h"

namespace nearhit {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollInterval{200};

struct ReembedFlags : NamespaceFlags {
  std::string name;
  bool wait = false;
  bool progress = false;
  double give_up_seconds = 30;
};

double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

int Done(const CliContext& context, const std::string& word, const std::string& identity) {
  if (context.json) {
    PrintJson(*context.out, {{"ok", true}, {"state", word}, {"embedder", identity}});
  } else {
    *context.out << word << ' ' << identity << '\n';
  }
  return kExitOk;
}

// Looks at the namespace until it has switched to `identity`, until its change is another one or
// none, or until the change has failed without a break for as long as the flags say.
class Waiting {
 public:
  Waiting(const CliContext* context, const Client* client, const ReembedFlags* flags)
      : context_(*context),
        client_(*client),
        flags_(*flags),
        bar_(flags->progress ? context->err : nullptr) {}

  int Run(const std::string& identity) {
    while (true) {
      v1::NamespaceInfo info;
      if (const Status status = Describe(&info); !status.ok()) {
        bar_.Clear();
        return context_.Fail(status);
      }
      if (!info.has_reembedding() && info.embedder_identity() == identity) {
        bar_.Clear();
        return Done(context_, "has", identity);
      }
      if (info.reembedding().identity() != identity) {
        bar_.Clear();
        *context_.err << "nearhit: the change to " << identity << " was cancelled\n";
        return kExitOther;
      }
      if (!GoesOn(info.reembedding())) {
        bar_.Clear();
        *context_.err << "nearhit: " << info.reembedding().last_error()
                      << " (the server will try again)\n";
        return kExitUnavailable;
      }
      std::this_thread::sleep_for(kPollInterval);
    }
  }

  Status Describe(v1::NamespaceInfo* info) const {
    v1::DescribeNamespaceRequest request;
    request.set_name(flags_.name);
    v1::DescribeNamespaceResponse response;
    NEARHIT_RETURN_IF_ERROR(
        client_.Call(client_.admin(), &v1::Admin::Stub::DescribeNamespace, request, &response));
    *info = response.info();
    return {};
  }

 private:
  bool GoesOn(const v1::Reembedding& change) {
    bar_.Update({.items = change.done(),
                 .position = change.done(),
                 .total = change.total(),
                 .position_at_start = 0,
                 .seconds = SecondsSince(start_)});
    if (change.last_error().empty() || change.done() > done_) {
      failing_since_ = SteadyClock::now();
    }
    done_ = change.done();
    return SecondsSince(failing_since_) <= flags_.give_up_seconds;
  }

  const CliContext& context_;
  const Client& client_;
  const ReembedFlags& flags_;
  ProgressBar bar_;
  const SteadyClock::time_point start_ = SteadyClock::now();
  SteadyClock::time_point failing_since_ = start_;
  std::uint64_t done_ = 0;
};

int Reembed(const CliContext& context, ReembedFlags& flags, bool dimension_given) {
  v1::UpdateNamespaceRequest request;
  request.set_name(flags.name);
  request.set_reembed(true);
  if (const Status status = flags.Fill(&request); !status.ok()) {
    return context.FailUsage(status);
  }
  if (dimension_given) {
    request.set_dimension(flags.dimension);  // 0: the embedder's own
  }
  flags.progress = flags.progress || isatty(STDERR_FILENO) == 1;
  const Client client = context.Connect();
  v1::UpdateNamespaceResponse updated;
  Status status = client.Call(client.admin(), &v1::Admin::Stub::UpdateNamespace, request, &updated);
  Waiting waiting(&context, &client, &flags);
  v1::NamespaceInfo info;
  if (status.ok()) {
    status = waiting.Describe(&info);
  }
  if (!status.ok()) {
    return context.Fail(status);
  }
  if (!info.has_reembedding()) {
    return Done(context, "has", info.embedder_identity());
  }
  const std::string identity = info.reembedding().identity();
  return flags.wait ? waiting.Run(identity) : Done(context, "on its way to", identity);
}

}  // namespace

void AddReembedCommand(CLI::App* ns, CliContext* context) {
  auto flags = std::make_shared<ReembedFlags>();
  CLI::App* command = ns->add_subcommand(
      "reembed", "Make every vector again, with another embedder, while the namespace serves");
  command->add_option("name", flags->name, "Namespace")->required();
  flags->AddChangeable(command, true);
  command->add_flag("--wait", flags->wait, "Wait until the namespace has switched");
  command->add_flag("--progress", flags->progress, "Show progress although stderr is no terminal");
  command
      ->add_option("--give-up", flags->give_up_seconds,
                   "With --wait: seconds for which the embedder may fail")
      ->capture_default_str();
  command->callback([=] {
    context->run = [=] { return Reembed(*context, *flags, command->count("--dimension") > 0); };
  });
}

}  // namespace nearhit
