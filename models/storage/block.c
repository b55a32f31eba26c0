#include "models/storage/block.h"

void block_pool_initialize(struct block_pool *bp)
{
  *bp = (struct block_pool){0};
  hd_pool_initialize(&bp->pool, sizeof(struct block_request));
}

void block_pool_terminate(struct block_pool *bp)
{
  hd_pool_terminate(&bp->pool);
}
