// Which headers go on to a provider, and which come back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"
#include "server/dialect/endpoint.h"
#include "server/http/request.h"

namespace nearhit::server {

// The credentials that a caller brings: every Authorization, x-api-key and api-key, with the names
// of the headers; empty when there is none.
std::string CredentialOf(const HttpServerRequest& request);

// Everything goes on but what belongs to the connection, to the gateway, or to another host
// (cookies). `api_key` takes the place of the caller's credential unless it is empty.
std::vector<HttpHeader> HeadersForUpstream(const HttpServerRequest& request, const Route& route,
                                           std::string_view api_key);

// Of an answer that comes from upstream now: everything but what belongs to the connection.
std::vector<HttpHeader> HeadersForClient(const std::vector<HttpHeader>& upstream);

// Headers that an answer depends on, with their values, for the scope: versions and features of the
// interface, organisation and project.
std::string HeadersOfScope(const HttpServerRequest& request);

// Whether a header says that the answer is about one user's stored profile.
bool AsksForUserState(const HttpServerRequest& request);

// The id of a request in its answer, as providers have it: what a client shows when it asks for
// help.
HttpHeader RequestIdHeader(Dialect dialect, std::string id);
// Unless the provider's is there.
void AddRequestId(Dialect dialect, std::string id, std::vector<HttpHeader>* headers);

// Of an answer that the gateway makes itself.
std::vector<HttpHeader> OwnHeaders(bool stream);

// What an answer from the cache did not cost again; nothing when that is not known.
void AddSavedUsd(double usd, std::vector<HttpHeader>* headers);

}  // namespace nearhit::server
