#include "cli/export.h"

#include <algorithm>

#include "cli/output.h"

namespace nearhit {
namespace {

constexpr std::uint64_t kPageEntries = 100;

// `call` fetches a page; `print` writes one entry.
template <typename Request, typename Response, typename CallPage, typename Print>
Result<Exported> Pages(const ExportOptions& options, std::ostream* out, CallPage call,
                       Print print) {
  Exported exported;
  Request request;
  request.set_namespace_(options.name);
  do {
    const std::uint64_t left = options.limit == 0 ? kPageEntries : options.limit - exported.entries;
    request.set_limit(static_cast<std::uint32_t>(std::min(left, kPageEntries)));
    Response response;
    NEARHIT_RETURN_IF_ERROR(call(request, &response));
    for (const auto& entry : response.entries()) {
      PrintJson(*out, print(entry));
      ++exported.entries;
    }
    exported.damaged.insert(exported.damaged.end(), response.damaged().begin(),
                            response.damaged().end());
    if (!*out) {
      return Internal("cannot write the output");
    }
    request.set_after(response.next());
  } while (request.after() != 0 && (options.limit == 0 || exported.entries < options.limit));
  return exported;
}

}  // namespace

Result<Exported> RunExport(const Client& client, const ExportOptions& options, std::ostream* out) {
  v1::DescribeNamespaceRequest describe;
  describe.set_name(options.name);
  v1::DescribeNamespaceResponse described;
  NEARHIT_RETURN_IF_ERROR(
      client.Call(client.admin(), &v1::Admin::Stub::DescribeNamespace, describe, &described));
  if (described.info().config().kind() == v1::NAMESPACE_KIND_VECTORS) {
    return Pages<v1::ScanVectorsRequest, v1::ScanVectorsResponse>(
        options, out,
        [&client](const auto& request, auto* response) {
          return client.Call(client.vectors(), &v1::Vectors::Stub::Scan, request, response);
        },
        [](const v1::VectorEntry& entry) { return VectorEntryToJson(entry, true); });
  }
  return Pages<v1::ScanRequest, v1::ScanResponse>(
      options, out,
      [&client](const auto& request, auto* response) {
        return client.Call(client.cache(), &v1::Cache::Stub::Scan, request, response);
      },
      [&options](const v1::Entry& entry) { return EntryToJson(entry, options.vectors); });
}

}  // namespace nearhit
