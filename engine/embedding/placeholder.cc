#include "nearhit/embedder.h"
