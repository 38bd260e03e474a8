// The model of namespaces that say none: what callers, the configuration and the command line leave
// out of an embedder is completed here and nowhere else.
#pragma once

#include <string>

#include "nearhit/options.h"
#include "nearhit/result.h"
#include "server/config/config.h"

namespace nearhit::server {

// Decides config.model_folder, which a flag or the file may have set: without both it is
// DefaultModelFolder() (nearhit/local_embedder.h), and "" when there is none. Relative ones become
// absolute, because namespaces keep them.
//
// Errors: kInvalidArgument when a folder is named, by whomever, and is not there.
Status ResolveModelFolder(Config* config);

// Completes an embedder whose kind may be "", which means that nothing was said. Kind "local"
// without a folder gets `model_folder`; "" becomes "none".
//
// Errors: kInvalidArgument for kind "local" when neither names a folder.
Status CompleteEmbedder(const std::string& model_folder, EmbedderSpec* spec);

// The same for a namespace that is to be created: a cache that says neither an embedder nor a
// dimension gets "local" with `model_folder`, when there is one.
Status CompleteNamespace(const std::string& model_folder, NamespaceConfig* config);

}  // namespace nearhit::server
