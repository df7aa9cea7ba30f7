// Says of each gradient, during a backward pass, that something was added to it.

#include <c10/util/Exception.h>
#include <torch/csrc/autograd/function_hook.h>

#include <cstddef>
#include <memory>
#include <utility>

// As in torch/csrc/autograd/variable.h, which includes all of autograd. libtorch has this function or this program
// does not link.
namespace torch::autograd::impl {

TORCH_API void set_post_acc_grad_hooks(const at::TensorBase& tensor, std::unique_ptr<PostAccumulateGradHook> hook);

} // namespace torch::autograd::impl

namespace {

using Tell = void (*)(const void* listener, size_t number);

class Told : public torch::autograd::PostAccumulateGradHook {
public:
    Told(Tell tell, const void* listener, size_t number) : tell(tell), listener(listener), number(number) {}

    void operator()(const at::Tensor&) override {
        tell(listener, number);
    }

private:
    Tell tell;
    const void* listener;
    size_t number;
};

} // namespace

extern "C" {

// From now on `tell` is called with a listener and a number, by whichever thread adds to the gradient of this leaf.
void lpmflow_gradient_hook(const at::Tensor* leaf, Tell tell, const void* listener, size_t number) {
    torch::autograd::impl::set_post_acc_grad_hooks(*leaf, std::make_unique<Told>(tell, listener, number));
}

void lpmflow_gradient_unhook(const at::Tensor* leaf) {
    torch::autograd::impl::set_post_acc_grad_hooks(*leaf, nullptr);
}
}
